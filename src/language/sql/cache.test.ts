import { beforeAll, describe, expect, it } from 'vitest';
import { sqlCacheTextMax } from '../limits.ts';
import { AnalysisCache, createContext, loadSqlParser } from './index.ts';

const context = createContext({ temporary: 'none' });
beforeAll(loadSqlParser);

describe('the cache', () => {
  it('gives the same analysis for the same text and context', () => {
    const cache = new AnalysisCache();
    const first = cache.analyse('select 1', context);
    expect(cache.analyse('select 1', createContext({ temporary: 'none' }))).toBe(first);
    expect(cache.analyse('select  1', context)).not.toBe(first);
    expect(cache.size).toBe(2);
  });

  it('never mixes contexts', () => {
    const cache = new AnalysisCache();
    const text = "select '\\'";
    expect(cache.analyse(text, context).complete).toBe(true);
    const others = [
      createContext({ temporary: 'none', standardConformingStrings: false }),
      createContext({ temporary: 'none', clientEncoding: 'SJIS' }),
    ];
    for (const other of others) expect(cache.analyse(text, other).complete).toBe(false);
    const keys = [
      {},
      { searchPath: [] },
      { searchPath: ['a'] },
      { searchPath: ['a', 'b'] },
      { temporary: 'none' as const },
    ];
    expect(new Set(keys.map((options) => createContext(options).key)).size).toBe(keys.length);
  });

  it('is bounded in entries: the least recently used leaves', () => {
    const cache = new AnalysisCache(3);
    const [a, b] = ['select 1', 'select 2'].map((text) => cache.analyse(text, context));
    cache.analyse('select 3', context);
    expect(cache.analyse('select 1', context)).toBe(a);
    cache.analyse('select 4', context);
    expect(cache.size).toBe(3);
    expect(cache.analyse('select 1', context)).toBe(a);
    expect(cache.analyse('select 2', context)).not.toBe(b);
  });

  it('is bounded in bytes, across contexts', () => {
    const cache = new AnalysisCache(100, 100);
    for (let at = 0; at < 50; at++) {
      cache.analyse(`select ${at}`, createContext({ searchPath: [`s${at}`] }));
      expect(cache.bytes).toBeLessThanOrEqual(100);
    }
    expect(cache.size).toBeGreaterThan(0);
  });

  it('keeps a text at the limit and none beyond it', () => {
    const cache = new AnalysisCache();
    const text = (length: number) => `select '${'a'.repeat(length - 9)}'`;
    cache.analyse(text(sqlCacheTextMax), context);
    expect(cache.size).toBe(1);
    cache.analyse(text(sqlCacheTextMax + 1), context);
    expect(cache.size).toBe(1);
  });

  it('keeps nothing that rests on prepared statements or cursors', () => {
    const cache = new AnalysisCache();
    for (const text of ['execute p', 'fetch c', 'explain execute p', 'delete from t where current of c']) {
      cache.analyse(text, context);
    }
    expect(cache.size).toBe(0);
  });
});
