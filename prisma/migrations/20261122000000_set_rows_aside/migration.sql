-- AlterTable
ALTER TABLE "rotation_checkpoints" ADD COLUMN     "set_aside" JSONB NOT NULL DEFAULT '{}';

-- A partition that is complete has its cursor at its upper bound, also where the last rows were missing.
UPDATE "rotation_checkpoints" SET "cursor" = "upper_bound" WHERE "completed_at" IS NOT NULL;
