#!/bin/sh
# From a key to verified evidence, with curl and Python 3.
#   sh first_evidence.sh ADDRESS KEY [LOG-KEY]
# LOG-KEY is the public key of the log as your contract names it; without it the plant is asked, which is fine for a try.
set -eu
address=$1 key=$2
log_key=${3:-$(curl -fsS -H "Authorization: Bearer $key" "$address/api/v1/me" | sed 's/.*"log_key":"\([^"]*\)".*/\1/')}

inspections=$(curl -fsS -H "Authorization: Bearer $key" "$address/api/v1/inspections?limit=1")
echo "Newest inspection: $inspections"
index=$(printf '%s' "$inspections" | sed 's/.*"record_index":\([0-9]*\).*/\1/')

curl -fsS -H "Authorization: Bearer $key" -o evidence.json "$address/api/v1/records/$index/evidence"
curl -fsS -o gaugeblock_verify.py "$address/portal/verifiers/gaugeblock_verify.py"
python3 gaugeblock_verify.py evidence.json --key "$log_key"
