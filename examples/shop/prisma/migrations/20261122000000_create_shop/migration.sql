-- CreateSchema
CREATE SCHEMA IF NOT EXISTS "public";

-- CreateSchema
CREATE SCHEMA IF NOT EXISTS "shop";

-- CreateTable
CREATE TABLE "shop"."customers" (
    "id" UUID NOT NULL,
    "email" TEXT NOT NULL,
    "api_key" TEXT NOT NULL,
    "created_at" TIMESTAMP(3) NOT NULL DEFAULT CURRENT_TIMESTAMP,

    CONSTRAINT "customers_pkey" PRIMARY KEY ("id")
);

-- CreateTable
CREATE TABLE "shop"."sessions" (
    "id" TEXT NOT NULL,
    "token_hash" BYTEA NOT NULL,

    CONSTRAINT "sessions_pkey" PRIMARY KEY ("id")
);

-- CreateTable
CREATE TABLE "shop"."users" (
    "id" SERIAL NOT NULL,
    "org_id" INTEGER NOT NULL,

    CONSTRAINT "users_pkey" PRIMARY KEY ("id")
);

-- CreateTable
CREATE TABLE "shop"."api_keys" (
    "id" TEXT NOT NULL,
    "hashed_key" TEXT NOT NULL,
    "start" TEXT NOT NULL,
    "rotated_at" TIMESTAMP(3),
    "updated_at" TIMESTAMP(3) NOT NULL,
    "user_id" INTEGER NOT NULL,

    CONSTRAINT "api_keys_pkey" PRIMARY KEY ("id")
);

-- CreateTable
CREATE TABLE "shop"."webhooks" (
    "id" SERIAL NOT NULL,
    "url" TEXT NOT NULL,
    "secret" TEXT NOT NULL,
    "previous_secret" TEXT,
    "previous_secret_ends" TIMESTAMP(3),

    CONSTRAINT "webhooks_pkey" PRIMARY KEY ("id")
);

-- CreateTable
CREATE TABLE "shop"."Invite" (
    "number" SERIAL NOT NULL,
    "tenant_id" INTEGER NOT NULL,
    "code" VARCHAR(40) NOT NULL,

    CONSTRAINT "Invite_pkey" PRIMARY KEY ("number")
);

-- CreateTable
CREATE TABLE "shop"."outbox" (
    "id" BIGSERIAL NOT NULL,
    "session_id" TEXT NOT NULL,
    "sealed" BYTEA NOT NULL,

    CONSTRAINT "outbox_pkey" PRIMARY KEY ("id")
);

-- CreateIndex
CREATE UNIQUE INDEX "customers_api_key_key" ON "shop"."customers"("api_key");

-- CreateIndex
CREATE UNIQUE INDEX "sessions_token_hash_key" ON "shop"."sessions"("token_hash");

-- CreateIndex
CREATE UNIQUE INDEX "api_keys_hashed_key_key" ON "shop"."api_keys"("hashed_key");

-- CreateIndex
CREATE UNIQUE INDEX "Invite_tenant_id_code_key" ON "shop"."Invite"("tenant_id", "code");

-- AddForeignKey
ALTER TABLE "shop"."api_keys" ADD CONSTRAINT "api_keys_user_id_fkey" FOREIGN KEY ("user_id") REFERENCES "shop"."users"("id") ON DELETE RESTRICT ON UPDATE CASCADE;
