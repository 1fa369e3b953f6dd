CREATE TABLE "profiles" (
	"id" text PRIMARY KEY NOT NULL,
	"version" bigint NOT NULL,
	"handle" text,
	"display_name" text,
	"avatar_url" text,
	"bio" text,
	"team_ids" text[] DEFAULT '{}' NOT NULL,
	"updated_at" timestamp with time zone NOT NULL,
	CONSTRAINT "profiles_handle_key" UNIQUE("handle"),
	CONSTRAINT "profiles_living_or_bare" CHECK (("profiles"."handle" IS NULL) = ("profiles"."display_name" IS NULL))
);
