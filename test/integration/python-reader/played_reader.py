"""The reader of examples/python-reader, one line of JSON per step on stdin and stdout, so that a test can play it."""
import json
import sys

from freshet_reader import Reader, ketama, key_param


def tell(answer):
    print(json.dumps(answer), flush=True)


def hear():
    return json.loads(sys.stdin.readline())


def load():
    """Its snapshot is what the test says now; it ends when the test says so."""
    tell({"loading": True})
    snapshot = hear()
    return snapshot["value"], snapshot["versions"]


host, port = sys.argv[1], int(sys.argv[2])
reader = Reader([(host, port, 1)], timeout=5)
tell({"ready": True})
for line in sys.stdin:
    step = json.loads(line)
    if step["do"] == "read":
        value, versions, outcome = reader.read(step["key"], load, step.get("min", {}))
        tell({"value": value, "versions": versions, "outcome": outcome})
    elif step["do"] == "invalidate":
        reader.invalidate(step["key"])
        tell({"acknowledged": True})
    elif step["do"] == "params":
        tell({"params": [key_param(value) for value in step["values"]]})
    elif step["do"] == "owners":
        nodes = [tuple(node) for node in step["nodes"]]
        owner_of = ketama(nodes)
        index = {(host, port): at for at, (host, port, _) in enumerate(nodes)}
        tell({"owners": "".join(str(index[owner_of(key)]) for key in step["keys"])})
