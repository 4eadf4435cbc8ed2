# A line for each reading: mosquitto_sub -h BROKER -t 'limpet/+/batch' -t 'limpet/+/backfill' | jq -r -f readings.jq
. as $batch
| .readings[]
| [.timestamp // $batch.timestamp, $batch.deviceId, "\(.sensorId).\(.quantity)", .value, .unit, .status]
| @tsv
