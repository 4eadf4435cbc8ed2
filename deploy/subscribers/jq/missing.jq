# A line whenever numbers are skipped, declared, or come after all:
# mosquitto_sub -h BROKER -q 1 -t 'limpet/+/batch' -t 'limpet/+/backfill' -t 'limpet/+/gap' | jq -rn -f missing.jq
#
# `$runs` has for each run the numbers that are missing, and the next one that is due.
foreach inputs as $it ({runs: {}, say: null};
    ($it.from // $it.seq) as $from
    | ($it.to // $it.seq) as $to
    | (.runs[$it.bootId] // {due: $from, missing: []}) as $run
    | ($run.missing + [range($run.due; $from)] | map(select(. < $from or . > $to))) as $missing
    | .runs[$it.bootId] = {due: ([$run.due, $to + 1] | max), missing: $missing}
    | .say = if $missing != $run.missing or $it.reason
        then {run: $it.bootId, number: $from, missing: $missing, reason: $it.reason}
        else null end;
    .say | select(. != null) | tojson)
