-- Until now there was but one target, and its key went without saying.
UPDATE "rotation_checkpoints" SET "target" = 'tickets.token by id' WHERE "target" = 'tickets.token';

-- AlterTable
ALTER TABLE "rotation_checkpoints" ADD COLUMN     "verified_at" TIMESTAMPTZ(3);
