-- The outbox, for PostgreSQL 13 and later. Copy it into a migration of the service that owns the data.

-- Rows wait here from the commit until Kafka has them; presence is the whole bookkeeping.
-- The columns bear the names that Debezium's outbox event router expects, so that it can take the relay's place:
-- route.by.field=topic, route.topic.replacement=${routedByValue}.
CREATE TABLE outbox_events (
  -- Order of publishing. Not a cursor: a row that commits late may have a lower seq than rows already published.
  seq           bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
  id            uuid        NOT NULL,
  aggregatetype text        NOT NULL,
  aggregateid   text        NOT NULL,
  type          text        NOT NULL,
  topic         text        NOT NULL,
  -- The whole CloudEvent; json and not jsonb, which would reorder it and refuse \u0000.
  payload       json        NOT NULL,
  created_at    timestamptz NOT NULL DEFAULT clock_timestamp()
);

-- Rows that Kafka refused for their size, with its reason. Nobody empties it but an operator.
CREATE TABLE outbox_dead (
  seq           bigint      PRIMARY KEY,
  id            uuid        NOT NULL,
  aggregatetype text        NOT NULL,
  aggregateid   text        NOT NULL,
  type          text        NOT NULL,
  topic         text        NOT NULL,
  payload       json        NOT NULL,
  created_at    timestamptz NOT NULL,
  reason        text        NOT NULL,
  died_at       timestamptz NOT NULL DEFAULT clock_timestamp()
);
