/** Every step at which each app can be killed, in the order of its way; a test compares them with the code. */
export const crashPoints = {
  "profile-service": [
    "freshet:outbox.added",
    "freshet:write.committed",
    "freshet:outbox.claimed",
    "freshet:kafka.send",
    "freshet:kafka.sent",
    "freshet:outbox.published",
    "freshet:outbox.committed",
  ],
  invalidator: [
    "freshet:invalidate.executing",
    "freshet:kafka.dead-letter",
    "freshet:kafka.dead-lettered",
    "freshet:invalidate.executed",
    "freshet:kafka.commit",
    "freshet:kafka.committed",
  ],
} as const;
