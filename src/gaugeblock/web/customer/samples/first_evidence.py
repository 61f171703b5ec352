"""From a key to verified evidence, with Python 3.9 or newer and nothing to install.

    python3 first_evidence.py ADDRESS KEY [LOG-KEY]

LOG-KEY is the public key of the log as your contract names it; without it the plant is asked, which is fine for a try.
"""

import json
import subprocess
import sys
import urllib.request
from pathlib import Path

address, key = sys.argv[1].rstrip("/"), sys.argv[2]


def get(path: str) -> bytes:
    request = urllib.request.Request(address + path, headers={"Authorization": f"Bearer {key}"})
    with urllib.request.urlopen(request, timeout=30) as answer:
        return bytes(answer.read())


log_key = sys.argv[3] if len(sys.argv) > 3 else json.loads(get("/api/v1/me"))["log_key"]

for order in json.loads(get("/api/v1/orders"))["orders"]:
    delivery = order.get("delivery", {})
    print(order["order"], order.get("product"), "expected", delivery.get("earliest"), "to", delivery.get("latest"))

newest = json.loads(get("/api/v1/inspections?limit=1"))["inspections"][0]
print("Newest inspection:", newest["record_index"], newest.get("unit"), newest.get("verdict"))

Path("evidence.json").write_bytes(get(f"/api/v1/records/{newest['record_index']}/evidence"))
Path("gaugeblock_verify.py").write_bytes(get("/portal/verifiers/gaugeblock_verify.py"))
sys.exit(subprocess.run([sys.executable, "gaugeblock_verify.py", "evidence.json", "--key", log_key]).returncode)
