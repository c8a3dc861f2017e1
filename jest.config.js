/** @type {import('jest').Config} */
export default {
  testEnvironment: 'node',
  extensionsToTreatAsEsm: ['.ts'],
  transform: {
    '\\.ts$': [
      '@swc/jest',
      { jsc: { parser: { syntax: 'typescript' }, target: 'es2023', experimental: { keepImportAttributes: true } } },
    ],
  },
  modulePathIgnorePatterns: ['<rootDir>/dist'],
  testMatch: ['<rootDir>/test/**/*.test.ts'],
  // They start whole commands, and take twice as long as all others together: npm run test:e2e.
  testPathIgnorePatterns: ['<rootDir>/test/e2e/'],
  globalSetup: '<rootDir>/test/support/global-setup.ts',
  globalTeardown: '<rootDir>/test/support/global-teardown.ts',
  // Every file runs against a database of its own on one server, and often waits: three keep two processors busy.
  maxWorkers: 3,
  // Each `npx prisma` takes seconds, and many times that on a busy machine; what hangs is only noticed later.
  testTimeout: 300_000,
};
