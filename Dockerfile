# The command in a container. Options follow the image's name:
#
#   docker build -t rotate-tokens .
#   docker run --init --rm -t --stop-timeout 70 -e DATABASE_URL rotate-tokens --name leak
#
# docker-compose.yml says why --init and --stop-timeout.

FROM node:22-slim AS build
WORKDIR /app
COPY package.json package-lock.json ./
# Without the packages' install scripts, nothing is downloaded from outside the npm registry: the WebAssembly schema
# engine then stands in for Prisma's native one (see prisma.config.ts), which would also need OpenSSL in this image.
RUN npm ci --omit=dev --ignore-scripts
COPY prisma.config.ts ./
COPY prisma ./prisma
RUN npx prisma generate

FROM node:22-slim
ENV NODE_ENV=production
WORKDIR /app
COPY package.json prisma.config.ts rotate-tokens.config.ts tsconfig.json ./
COPY --from=build /app/node_modules ./node_modules
COPY prisma ./prisma
COPY scripts ./scripts
COPY src ./src
COPY --from=build /app/src/generated ./src/generated
USER node
# No shell, npm or npx in between: they don't pass every signal on, and the rotation would be killed in mid-batch.
ENTRYPOINT ["node", "--import", "tsx", "scripts/rotate-tokens.ts"]
