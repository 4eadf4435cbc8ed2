# What is wrong, and since when: mosquitto_sub -h BROKER -t 'limpet/+/batch' | jq -r -f faults.jq
select(.degraded)
| . as $batch
| .faults[]
| "\($batch.timestamp) \($batch.deviceId) \(.sensorId): \(.error) since \(.since), breaker \(.breaker): \(.message)"
