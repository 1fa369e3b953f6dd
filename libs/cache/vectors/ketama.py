"""Writes ketama.json: who owns which key according to libmemcached's KETAMA_WEIGHTED distribution.

Debian: apt-get install libmemcached11 (the library behind python3-pylibmc); no server is needed.
Run: python3 ketama.py > ketama.json
"""

import ctypes
import json

NODE_LISTS = [
    "127.0.0.1:11211:1,127.0.0.1:11212:1",
    "cache-1:11211:1,cache-2:11211:1,cache-3:11211:1",
    "cache-1:11211:1,cache-2:11212:3,cache-3:11213:2",
    "localhost:11211:1",
    "10.0.0.1:22122:5,10.0.0.2:22122:7,10.0.0.3:11211:11,10.0.0.4:11211:100,10.0.0.5:11211:1",
    # The library counts in 32-bit floats: 25 equal nodes get 39 digests each, not 40.
    ",".join(f"n{i}.example:11211:1" for i in range(25)),
    ",".join(f"10.1.0.{i}:{11211 + i % 2}:{1 + i % 3}" for i in range(1, 13)),
]
KEY_PATTERNS = ["user_profile:%d", "user_profile_by_handle:Zoë-%d", "t:search:%d", "team_page:%d:成员"]
KEYS_PER_PATTERN = 600
KETAMA_WEIGHTED = 16  # memcached_behavior_t, libmemcached-1.0/types/behavior.h

library = ctypes.CDLL("libmemcached.so.11")
library.memcached_create.restype = ctypes.c_void_p
library.memcached_create.argtypes = [ctypes.c_void_p]
library.memcached_behavior_set.argtypes = [ctypes.c_void_p, ctypes.c_int, ctypes.c_uint64]
library.memcached_server_add_with_weight.argtypes = [
    ctypes.c_void_p, ctypes.c_char_p, ctypes.c_uint16, ctypes.c_uint32,
]
library.memcached_generate_hash.restype = ctypes.c_uint32
library.memcached_generate_hash.argtypes = [ctypes.c_void_p, ctypes.c_char_p, ctypes.c_size_t]


def owners(nodes):
    """One character per key: the owner's place in the node list in base 36."""
    client = library.memcached_create(None)
    assert library.memcached_behavior_set(client, KETAMA_WEIGHTED, 1) == 0
    for node in nodes.split(","):
        host, port, weight = node.split(":")
        assert library.memcached_server_add_with_weight(client, host.encode(), int(port), int(weight)) == 0
    keys = [(pattern % i).encode() for pattern in KEY_PATTERNS for i in range(KEYS_PER_PATTERN)]
    return "".join(
        "0123456789abcdefghijklmnopqrstuvwxyz"[library.memcached_generate_hash(client, key, len(key))]
        for key in keys
    )


print(
    json.dumps(
        {
            "keyPatterns": KEY_PATTERNS,
            "keysPerPattern": KEYS_PER_PATTERN,
            "lists": [{"nodes": nodes, "owners": owners(nodes)} for nodes in NODE_LISTS],
        },
        ensure_ascii=False,
        indent=2,
    )
)
