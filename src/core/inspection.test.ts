/** A connection for the gateway's own questions: it carries a handshake, then nothing but what the protocol declares. */
import { describe, expect, it } from 'vitest';
import * as limits from './limits.ts';
import type { Preview } from './protocol.ts';
import { FakeWire } from './testing/fakes.ts';
import { assertInspection, inspectionOf, previewCheck } from './upstream.ts';

const declared = [Buffer.from('what time is it'), Buffer.from('who is there')];
const assertion = expect.objectContaining({ code: 'base.assertion' }) as Error;

describe('an inspection', () => {
  it('carries a handshake up to its limit, and none after it', () => {
    const wire = new FakeWire();
    const inspection = inspectionOf(wire, (view) => assertInspection(view, declared));
    inspection.handshake(Buffer.alloc(limits.inspectionHandshakeBytesMax));
    expect(() => inspection.handshake(Buffer.alloc(1))).toThrow(assertion);
    inspection.established();
    expect(() => inspection.handshake(Buffer.alloc(0))).toThrow(assertion);
    expect(wire.written).toHaveLength(1);
  });

  it('asks nothing before the handshake is over, and then only what is declared, byte by byte', () => {
    const wire = new FakeWire();
    const inspection = inspectionOf(wire, (view) => assertInspection(view, declared));
    expect(() => inspection.ask(declared[0]!)).toThrow(assertion);
    inspection.established();
    inspection.ask(Buffer.from(declared[1]!));
    for (const other of ['', 'who is there?', 'who is ther', 'WHO IS THERE', 'who is therewho is there']) {
      expect(() => inspection.ask(Buffer.from(other))).toThrow(assertion);
    }
    expect(wire.text()).toBe('who is there');
  });

  it('a protocol that declares nothing asks nothing', () => {
    expect(() => assertInspection(Buffer.from('select 1'), [])).toThrow(assertion);
  });
});

describe('a question about a held command', () => {
  const preview: Preview = {
    prefix: 'look at: ',
    bytesMax: 40,
    textOf: (view) => (view.subarray(0, 1).toString() === '?' ? view.subarray(1).toString() : null),
  };
  const ask = (...questions: string[]): (() => void) => {
    const check = previewCheck(preview, 'drop it');
    return () => {
      for (const question of questions) check(Buffer.from(question));
    };
  };

  it('passes once, with the very text of the command behind the prefix', () => {
    expect(ask('?look at: drop it')).not.toThrow();
    expect(ask('?look at: drop it', '?look at: drop it')).toThrow(assertion);
  });

  it.each([
    '?drop it',
    '?look at: drop it;',
    '?look at: drop',
    'look at: drop it',
    '?LOOK AT: drop it',
    '',
    `?look at: drop it${' '.repeat(30)}`,
  ])('nothing else passes: %j', (question) => {
    expect(ask(question)).toThrow(assertion);
  });
});
