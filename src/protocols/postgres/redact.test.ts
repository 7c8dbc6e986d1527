import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import * as limits from './limits.ts';
import { withoutPasswords } from './redact.ts';

const secret = 'hunter2-Ünïcode';

describe('A-REC-05: passwords in SQL text are not recorded', () => {
  it.each([
    `ALTER ROLE erin PASSWORD '${secret}'`,
    `alter user erin with encrypted password E'${secret}\\'more'`,
    `CREATE ROLE x LOGIN PASSWORD $$${secret}$$ VALID UNTIL 'infinity'`,
    `CREATE ROLE x PASSWORD /* here */ '${secret}'`,
    `CREATE ROLE x PASSWORD -- here\n 'a'\n '${secret}'`,
    `CREATE ROLE x PASSWORD U&'${secret}'`,
    `CREATE USER MAPPING FOR x SERVER s OPTIONS (user 'u', password '${secret}')`,
    `ALTER USER MAPPING FOR x SERVER s OPTIONS (SET "password" '${secret}')`,
    `CREATE SUBSCRIPTION s CONNECTION 'host=h password=${secret} dbname=d' PUBLICATION p`,
    `CREATE SUBSCRIPTION s CONNECTION 'host=h password=''${secret}'' dbname=d' PUBLICATION p`,
    `SELECT * FROM dblink('postgresql://app:${secret}@h/d', 'select 1') AS t(n int)`,
    `DO $body$ BEGIN EXECUTE 'ALTER ROLE x PASSWORD ''${secret}'''; END $body$`,
    `DO $body$ BEGIN ALTER ROLE x PASSWORD '${secret}'; END $body$`,
    `UPDATE accounts SET password = '${secret}' WHERE id = 1`,
    `SELECT login(name => 'x', password => '${secret}')`,
    `SELECT 1 /* password=${secret} */`,
    `ALTER ROLE x PASSWORD '${secret}`,
  ])('%s', (text) => {
    const shown = withoutPasswords(text);
    expect(shown).not.toContain(secret);
    expect(shown).toContain('(secret)');
  });

  it.each([
    'SELECT 1',
    "SELECT 'no secret here'",
    'SELECT password_changed_at FROM accounts',
    "COMMENT ON COLUMN accounts.password IS 'hashed elsewhere'",
    'ALTER ROLE x PASSWORD NULL',
  ])('leaves %s as it is', (text) => {
    expect(withoutPasswords(text)).toBe(text);
  });

  it('keeps what stands around it', () => {
    expect(withoutPasswords("ALTER ROLE x PASSWORD 'y' VALID UNTIL '2030-01-01'; SELECT 'z'")).toBe(
      "ALTER ROLE x PASSWORD '(secret)' VALID UNTIL '2030-01-01'; SELECT 'z'",
    );
  });

  it('scans a text at the limit whole and records one past it only up to there', () => {
    const filler = (length: number): string => `ALTER ROLE x PASSWORD '${secret}' /*${'x'.repeat(length)}*/`;
    const around = filler(0).length;
    const whole = filler(limits.redactedCharactersMax - around);
    expect(whole).toHaveLength(limits.redactedCharactersMax);
    expect(withoutPasswords(whole)).toMatch(/^ALTER ROLE x PASSWORD '\(secret\)' .*\*\/$/);
    const longer = withoutPasswords(filler(limits.redactedCharactersMax - around + 1));
    expect(longer).not.toContain(secret);
    expect(longer).toContain('1 more characters');
  });

  it('ends on any text', () => {
    fc.assert(
      fc.property(fc.string({ unit: 'binary', maxLength: 200 }), (text) => {
        withoutPasswords(`password ${text}`);
      }),
      { numRuns: 500 },
    );
    const hostile = `password ${"'/*$$".repeat(1_000_000)}`;
    expect(withoutPasswords(hostile).length).toBeLessThan(limits.redactedCharactersMax + 200);
  });
});
