import config from './jest.config.js';

/** The tests of whole commands. @type {import('jest').Config} */
export default { ...config, testMatch: ['<rootDir>/test/e2e/**/*.test.ts'], testPathIgnorePatterns: [] };
