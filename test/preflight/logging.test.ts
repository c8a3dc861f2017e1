import { describe, expect, it } from '@jest/globals';
import { judgeLogging, type LogSettings } from '../../src/preflight/logging.ts';
import { useTestDatabase } from '../support/database.ts';
import { findingOf, findingsAfter, itFinds } from '../support/findings.ts';

/** What PostgreSQL 18 is set to if nobody has changed it. */
const INITIAL: LogSettings = {
  log_destination: 'stderr',
  log_duration: 'off',
  log_error_verbosity: 'default',
  log_min_duration_sample: '-1',
  log_min_duration_statement: '-1',
  log_parameter_max_length: '-1',
  log_parameter_max_length_on_error: '0',
  log_statement: 'none',
  log_statement_sample_rate: '1',
  log_transaction_sample_rate: '0',
};

/** The same, once the extension is loaded. */
const AUTO_EXPLAIN: LogSettings = {
  ...INITIAL,
  'auto_explain.log_min_duration': '-1',
  'auto_explain.log_parameter_max_length': '-1',
  'auto_explain.log_verbose': 'off',
  'auto_explain.sample_rate': '1',
};

const PG_AUDIT: LogSettings = {
  ...INITIAL,
  'pgaudit.log': 'none',
  'pgaudit.log_parameter': 'off',
  'pgaudit.role': '',
};

const NONE = 'the server does not log parameters of statements, so it logs no token.';

describe('what the server would log of the tokens', () => {
  it.each<[string, LogSettings]>([
    ['nothing is logged', INITIAL],
    ['only statements that change the schema are logged', { ...INITIAL, log_statement: 'ddl' }],
    ['only durations are logged', { ...INITIAL, log_duration: 'on' }],
    ['parameters are left out', { ...INITIAL, log_statement: 'all', log_parameter_max_length: '0' }],
    ['details are left out', { ...INITIAL, log_statement: 'all', log_error_verbosity: 'terse' }],
    ['no sample is taken', { ...INITIAL, log_min_duration_sample: '0', log_statement_sample_rate: '0' }],
    ['plans are not logged', AUTO_EXPLAIN],
    [
      'plans are logged without parameters',
      { ...AUTO_EXPLAIN, 'auto_explain.log_min_duration': '0', 'auto_explain.log_parameter_max_length': '0' },
    ],
    ['no plan is taken', { ...AUTO_EXPLAIN, 'auto_explain.log_min_duration': '0', 'auto_explain.sample_rate': '0' }],
    [
      'plans are logged by a version that does not log parameters',
      { ...INITIAL, 'auto_explain.log_min_duration': '0', 'auto_explain.log_verbose': 'off' },
    ],
    ['writes are audited without parameters', { ...PG_AUDIT, 'pgaudit.log': 'write' }],
    ['the schema is audited with parameters', { ...PG_AUDIT, 'pgaudit.log': 'ddl', 'pgaudit.log_parameter': 'on' }],
    [
      'all but reads and writes is audited with parameters',
      { ...PG_AUDIT, 'pgaudit.log': 'ALL, -read, -Write', 'pgaudit.log_parameter': 'on' },
    ],
  ])('is nothing where %s', (_, settings) => {
    expect(judgeLogging(settings, 'app')).toEqual({ level: 'ok', message: NONE });
  });

  it.each<[LogSettings, string, string]>([
    [{ ...INITIAL, log_statement: 'mod' }, 'log_statement = mod', 'log_parameter_max_length = 0'],
    [{ ...INITIAL, log_statement: 'all' }, 'log_statement = all', 'log_parameter_max_length = 0'],
    [
      { ...INITIAL, log_statement: 'all', log_parameter_max_length: '64' },
      'log_statement = all',
      'log_parameter_max_length = 0',
    ],
    [
      { ...INITIAL, log_statement: 'all', log_error_verbosity: 'terse', log_destination: 'stderr,csvlog' },
      'log_statement = all',
      'log_parameter_max_length = 0',
    ],
    [
      { ...INITIAL, log_min_duration_statement: '0' },
      'log_min_duration_statement = 0 (all statements)',
      'log_parameter_max_length = 0',
    ],
    [
      { ...INITIAL, log_min_duration_statement: '5000' },
      'log_min_duration_statement = 5 s (statements that take longer)',
      'log_parameter_max_length = 0',
    ],
    [
      { ...INITIAL, log_min_duration_sample: '100', log_statement_sample_rate: '0.1' },
      'log_min_duration_sample = 0.1 s (statements that take longer)',
      'log_parameter_max_length = 0',
    ],
    [
      { ...INITIAL, log_transaction_sample_rate: '0.01' },
      'log_transaction_sample_rate = 0.01',
      'log_parameter_max_length = 0',
    ],
    [
      { ...INITIAL, log_parameter_max_length_on_error: '-1' },
      'log_parameter_max_length_on_error = -1 (statements that fail, warn or wait for a lock)',
      'log_parameter_max_length_on_error = 0',
    ],
    [
      { ...AUTO_EXPLAIN, 'auto_explain.log_min_duration': '1000', log_error_verbosity: 'terse' },
      'auto_explain.log_min_duration = 1 s (statements that take longer)',
      'auto_explain.log_min_duration = -1',
    ],
    [
      {
        ...AUTO_EXPLAIN,
        'auto_explain.log_min_duration': '0',
        'auto_explain.log_parameter_max_length': '0',
        'auto_explain.log_verbose': 'on',
      },
      'auto_explain.log_min_duration = 0 (all statements)',
      'auto_explain.log_min_duration = -1',
    ],
    [
      { ...PG_AUDIT, 'pgaudit.log': 'ddl, Write', 'pgaudit.log_parameter': 'on' },
      'pgaudit.log_parameter = on with pgaudit.log = ddl, Write',
      'pgaudit.log_parameter = off',
    ],
    [
      { ...PG_AUDIT, 'pgaudit.log': 'all, -write', 'pgaudit.log_parameter': 'on' },
      'pgaudit.log_parameter = on with pgaudit.log = all, -write',
      'pgaudit.log_parameter = off',
    ],
    [
      { ...PG_AUDIT, 'pgaudit.role': 'auditor', 'pgaudit.log_parameter': 'on' },
      'pgaudit.log_parameter = on with pgaudit.role = auditor',
      'pgaudit.log_parameter = off',
    ],
  ])('is told, and how to prevent it, where %j', (settings, through, remedy) => {
    expect(judgeLogging(settings, 'app')).toEqual({
      level: 'warning',
      message: `the server would log fresh tokens: ${through}.`,
      advice: `Use --tokens database, which sends no token, or let a superuser set ${remedy} for this user (ALTER ROLE … SET).`,
    });
    expect(judgeLogging(settings, 'database').level).toBe('ok');
  });

  it('is told at once where it is more than one thing', () => {
    const settings = {
      ...INITIAL,
      log_statement: 'mod',
      log_min_duration_statement: '5000',
      log_parameter_max_length_on_error: '-1',
    };
    expect(judgeLogging(settings, 'app')).toEqual({
      level: 'warning',
      message:
        'the server would log fresh tokens: log_statement = mod; ' +
        'log_min_duration_statement = 5 s (statements that take longer); ' +
        'log_parameter_max_length_on_error = -1 (statements that fail, warn or wait for a lock).',
      advice:
        'Use --tokens database, which sends no token, or let a superuser set ' +
        'log_parameter_max_length = 0 and log_parameter_max_length_on_error = 0 for this user (ALTER ROLE … SET).',
    });
  });
});

describe('the preflight of the logs', () => {
  const { database } = useTestDatabase();

  itFinds(database, 'statement-logging', [
    {
      when: 'slow statements are logged',
      level: 'warning',
      statements: [`SET LOCAL log_min_duration_statement = '5s'`],
      message: 'the server would log fresh tokens: log_min_duration_statement = 5 s (statements that take longer).',
    },
    {
      when: 'slow statements are logged without parameters',
      level: 'ok',
      statements: [`SET LOCAL log_min_duration_statement = '5s'`, 'SET LOCAL log_parameter_max_length = 0'],
      message: NONE,
    },
    {
      when: 'auto_explain is set but not loaded',
      level: 'ok',
      statements: ['SET LOCAL auto_explain.log_min_duration = 0'],
      message: NONE,
    },
    {
      when: 'auto_explain is loaded and set',
      level: 'warning',
      statements: [`LOAD 'auto_explain'`, `SET LOCAL auto_explain.log_min_duration = '1min'`],
      message: 'the server would log fresh tokens: auto_explain.log_min_duration = 60 s (statements that take longer).',
    },
  ]);

  it('has nothing to say against any of it where the database makes the tokens', async () => {
    const findings = await findingsAfter(database, [`SET LOCAL log_statement = 'all'`], { tokens: 'database' });
    expect(findingOf(findings, 'statement-logging')).toEqual({
      check: 'statement-logging',
      level: 'ok',
      message: 'the database makes the tokens, so no statement that could be logged contains one.',
    });
  });
});
