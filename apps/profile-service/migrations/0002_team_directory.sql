CREATE INDEX "profiles_team_ids_idx" ON "profiles" USING gin ("team_ids");
