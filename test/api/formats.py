"""Values of the headers' formats. schemathesis makes headers of letters and digits by itself (its coverage phase, seen
with 4.32.5) and sends one that breaks the pattern where these can't match it, as a request that ought to be valid."""

import schemathesis
from hypothesis import strategies as st

versions = st.integers(min_value=0, max_value=10**15 - 1)

entity_tags = st.lists(versions.map('"{}"'.format), min_size=1, max_size=3).map(", ".join)
schemathesis.openapi.format("entity-tags", st.just("*") | entity_tags)

entity = st.from_regex(r"(profile|[a-z][a-z0-9_]{0,31}):[A-Za-z0-9._~-]{1,64}", fullmatch=True)
freshness = st.tuples(entity, versions).map(lambda pair: f"{pair[0]}={pair[1]}")
schemathesis.openapi.format("freshness-token", st.lists(freshness, min_size=1, max_size=3).map(",".join))
