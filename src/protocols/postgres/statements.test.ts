import { expect, test } from 'vitest';
import { deallocates } from './command.ts';
import * as limits from './limits.ts';
import { Statements } from './statements.ts';

test('a proposal counts in its own segment, and becomes current by ParseComplete only', () => {
  const statements = new Statements();
  const first = statements.propose('s', 'delete', [])!;
  expect(statements.bind('', 's', null, [])!.text).toBe('delete');
  statements.accept(first);
  statements.nextSegment();
  const second = statements.propose('s', 'select', [])!;
  expect(statements.bind('', 's', null, [])!.text).toBe('select');
  statements.nextSegment();
  expect(statements.bind('', 's', null, [])!.text).toBe('delete;\nselect');
  statements.discard(second);
  expect(statements.bind('', 's', null, [])!.text).toBe('delete');
  statements.close('s');
  expect(statements.bind('', 's', null, [])!.text).toBe('EXECUTE "s"');
  expect(statements.textBytes).toBe(0);
});

test('names of unknown statements are quoted', () => {
  expect(new Statements().bind('', 'a"b', null, [])!.text).toBe('EXECUTE "a""b"');
});

test('the number of statements is bounded: at the limit, and one past it', () => {
  const statements = new Statements();
  for (let index = 0; index < limits.statementsMax; index++) {
    statements.accept(statements.propose(`s${index}`, 'x', [])!);
  }
  expect(statements.propose('one more', 'x', [])).toBeNull();
  expect(statements.propose('s1', 'y', [])).not.toBeNull();
  statements.closeAll();
  expect(statements.propose('one more', 'x', [])).not.toBeNull();
});

test('the text of statements is bounded: at the limit, and one past it', () => {
  const statements = new Statements();
  const quarter = 'x'.repeat(limits.statementTextBytesMax / 4);
  for (let index = 0; index < 4; index++) expect(statements.propose(`s${index}`, quarter, [])).not.toBeNull();
  expect(statements.propose('more', 'x', [])).toBeNull();
});

test('the number of portals is bounded', () => {
  const statements = new Statements();
  for (let index = 0; index < limits.portalsMax; index++) statements.bind(`p${index}`, '', null, []);
  expect(statements.bind('one more', '', null, [])).toBeNull();
  expect(statements.bind('p1', '', null, [])).not.toBeNull();
  statements.closePortals();
  expect(statements.bind('one more', '', null, [])).not.toBeNull();
});

test('DEALLOCATE is understood only when it is the whole text', () => {
  expect(deallocates('deallocate _pg3_0')).toBe('_pg3_0');
  expect(deallocates(' DEALLOCATE PREPARE "A""b" ; ')).toBe('A"b');
  expect(deallocates('Deallocate Abc')).toBe('abc');
  expect(deallocates('deallocate all')).toBeNull();
  expect(deallocates('deallocate a; select 1')).toBeNull();
  expect(deallocates('/* x */ deallocate a')).toBeNull();
  expect(deallocates('select 1')).toBeNull();
});
