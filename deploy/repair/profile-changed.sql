-- What `freshet repair --event ProfileChanged` reads: the id as subject, and each routing value of the event under
-- its name. A row carries the time at which its transaction began: choose --since well before the gap.
SELECT id AS subject, handle, team_ids AS "teamIds"
FROM profiles
WHERE updated_at >= current_setting('freshet.since')::timestamptz
ORDER BY id
