#!/usr/bin/env bash
# A Kafka user for each program, and what each may do: no publisher speaks for another, nobody but the invalidator
# moves its groups, and a publisher that floods is slowed down by a quota. Safe to run again.
#
#   BOOTSTRAP=kafka:9092 DEPLOYMENT=prod PASSWORDS=/run/secrets/kafka deploy/kafka/users-and-acls.sh
#
# Needs Kafka's kafka-configs.sh and kafka-acls.sh on the PATH, and a broker with
# authorizer.class.name=org.apache.kafka.metadata.authorizer.StandardAuthorizer. PASSWORDS is a folder with one file
# per user, named after it. COMMAND_CONFIG names a file of client properties, where the broker wants some.
set -euo pipefail
: "${BOOTSTRAP:?set BOOTSTRAP to host:port of a broker}"
: "${DEPLOYMENT:?set DEPLOYMENT as the invalidators have it}"
: "${PASSWORDS:?set PASSWORDS to a folder with one password file per user}"
quota=${PUBLISHER_BYTES_PER_SECOND:-5242880}
connection=(--bootstrap-server "$BOOTSTRAP" ${COMMAND_CONFIG:+--command-config "$COMMAND_CONFIG"})

configure() { # NAME SETTINGS
  kafka-configs.sh "${connection[@]}" --alter --entity-type users --entity-name "$1" --add-config "$2"
}

user() { # NAME
  local password
  password=$(cat "$PASSWORDS/$1") || { echo "put the password of $1 into $PASSWORDS/$1" >&2; exit 1; }
  configure "$1" "SCRAM-SHA-512=[iterations=4096,password=$password]"
}

allow() { # NAME, THEN WHAT
  local principal="User:$1"
  shift
  kafka-acls.sh "${connection[@]}" --add --allow-principal "$principal" "$@" > /dev/null
}

# A publisher writes its own topic and reads nothing.
publisher() { # NAME TOPIC
  user "$1"
  configure "$1" "producer_byte_rate=$quota"
  allow "$1" --operation Write --topic "$2"
}

publisher profile-service profile.events.v1
publisher team-service teams.events.v1
topics=(--topic profile.events.v1 --topic teams.events.v1)
letters=(--topic profile.events.v1.dlt --topic teams.events.v1.dlt)

# The invalidator reads the topics in the groups of its deployment, and parks what it can't read.
user invalidator
allow invalidator --operation Read --operation DescribeConfigs "${topics[@]}"
allow invalidator --operation Read --group "freshet.$DEPLOYMENT." --resource-pattern-type prefixed
allow invalidator --operation Write "${letters[@]}"
# What operators tell it: pause, resume, settle. The first one makes the topic.
allow invalidator --operation Read --operation Write --operation Create --topic "freshet.$DEPLOYMENT.control"

# The auditor reads the same topics in a group of its own, and looks at how far the others are.
user auditor
allow auditor --operation Read "${topics[@]}"
allow auditor --operation Read --group "freshet.$DEPLOYMENT.auditor"
allow auditor --operation Describe --group "freshet.$DEPLOYMENT." --resource-pattern-type prefixed
