-- AlterTable
ALTER TABLE "rotation_checkpoints" ADD COLUMN     "claimed_since" TIMESTAMPTZ(3),
ADD COLUMN     "last_fault" TEXT,
ADD COLUMN     "last_fault_at" TIMESTAMPTZ(3),
ADD COLUMN     "set_aside" JSONB NOT NULL DEFAULT '{}',
ADD COLUMN     "watermark" TEXT;

-- What was planned before ends where its last partition ends.
UPDATE "rotation_checkpoints" AS "planned" SET "watermark" = (
  SELECT "upper_bound" FROM "rotation_checkpoints" AS "last"
  WHERE "last"."rotation" = "planned"."rotation" ORDER BY "partition" DESC LIMIT 1
);

-- AlterTable
ALTER TABLE "rotation_checkpoints" ALTER COLUMN "watermark" SET NOT NULL;

-- A partition that is complete has its cursor at its upper bound, also where the last rows were missing.
UPDATE "rotation_checkpoints" SET "cursor" = "upper_bound" WHERE "completed_at" IS NOT NULL;
