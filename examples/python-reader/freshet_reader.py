"""READ and INVALIDATE of docs/cache-protocol.md on pymemcache, for views without tags."""
import bisect, hashlib, json, math, random, secrets, struct, time

from pymemcache.client.base import Client
from pymemcache.exceptions import MemcacheError

LEASE_SECONDS, FILL_SECONDS, ABSENT_SECONDS, POLLS, POLL_SECONDS = 10, 8, 60, 3, 0.03


def key_param(value):  # as it stands in a key
    text = str(value).encode()
    if 1 <= len(text) <= 64 and text[:1] != b"~" and not any(b <= 0x20 or b in b"\x7f:" for b in text):
        return text.decode()
    return "~" + hashlib.sha256(text).hexdigest()[:32]


def ketama(nodes):
    """The owner of a key as libmemcached's KETAMA_WEIGHTED has it; nodes: (host, port, weight)."""
    def f32(x):  # libmemcached counts in 32-bit floats
        return struct.unpack("f", struct.pack("f", x))[0]
    total, ring = f32(sum(weight for _, _, weight in nodes)), []
    for host, port, weight in nodes:
        name = host if port == 11211 else f"{host}:{port}"
        points = f32(f32(f32(weight) / total) * 160)
        for j in range(math.floor(f32(f32(f32(points / 4) * len(nodes)) + 1e-10))):
            digest = hashlib.md5(f"{name}-{j}".encode()).digest()
            ring += [(point, (host, port)) for point in struct.unpack("<4I", digest)]
    ring.sort()
    hashes = [point for point, _ in ring]
    def owner(key):
        first = struct.unpack("<I", hashlib.md5(key.encode()).digest()[:4])[0]
        return ring[bisect.bisect_left(hashes, first) % len(ring)][1]
    return owner


class Reader:
    def __init__(self, nodes, timeout=0.05):
        self.owner = ketama(nodes)
        options = dict(connect_timeout=timeout, timeout=timeout, no_delay=True, default_noreply=False,
                       allow_unicode_keys=True)
        self.clients = {(host, port): Client((host, port), **options) for host, port, _ in nodes}

    def read(self, key, load, min_versions={}, ttl=3600):
        """(value, versions, outcome). load() reads the primary in a snapshot of its own: (value, versions)."""
        client, started = self.clients[self.owner(key)], time.monotonic()
        try:
            item, capture = self._capture(client, key, min_versions)
            if item:
                return item["d"], item["vs"], "hit"
        except (MemcacheError, OSError):
            capture = client.close()  # none; and half an answer may be under way on this connection
        value, versions = load()
        return value, versions, self._fill(client, key, capture, started, value, versions, ttl)

    def invalidate(self, key):  # raises when the outcome is unknown: then repeat it
        client = self.clients[self.owner(key)]
        try:
            client.delete(key)  # deleted or not found: both acknowledge
        except (MemcacheError, OSError):
            client.close()
            raise

    def _capture(self, client, key, min_versions):
        for look in range(POLLS + 1):
            data, cas = client.gets(key)
            if data is None and client.add(key, json.dumps({"l": secrets.token_hex(8)}), LEASE_SECONDS):
                return None, self._token(client, client.gets(key)[1])  # text: add tells no CAS unique
            data, cas = (data, cas) if data else client.gets(key)
            item = self._parse(data)
            if "vs" in item and all(item["vs"].get(e, -1) >= v for e, v in min_versions.items()):
                return item, None
            if "l" not in item or look == POLLS:
                return None, self._token(client, cas)
            time.sleep(POLL_SECONDS * random.uniform(2 / 3, 4 / 3))

    def _fill(self, client, key, capture, started, value, versions, ttl):
        if not capture or client.sock is not capture[0] or time.monotonic() - started > FILL_SECONDS:
            return "not cached"
        seconds = int((min(ttl, ABSENT_SECONDS) if value is None else ttl) * random.uniform(0.9, 1.1))
        data = json.dumps({"vs": versions, "d": value}, separators=(",", ":"), ensure_ascii=False)
        try:
            return "stored" if client.cas(key, data.encode(), capture[1], seconds) else "refused"
        except (MemcacheError, OSError):
            client.close()
            return "unknown"

    def _token(self, client, cas):
        return (client.sock, cas) if cas and cas != b"0" else None

    def _parse(self, data):
        """A value or a lease; anything else is as good as nothing, and may be filled over."""
        try:
            item = json.loads(data)
            if "l" in item:
                return {"l": item["l"]}
            is_value = "d" in item and "t" not in item and all(type(v) is int for v in item["vs"].values())
            return item if is_value else {}
        except (TypeError, ValueError, KeyError, AttributeError):
            return {}
