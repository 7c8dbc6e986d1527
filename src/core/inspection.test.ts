/** A connection for the gateway's own questions: it carries a handshake, then nothing but what the protocol declares. */
import { describe, expect, it } from 'vitest';
import * as limits from './limits.ts';
import { FakeWire } from './testing/fakes.ts';
import { assertInspection, inspectionOf } from './upstream.ts';

const declared = [Buffer.from('what time is it'), Buffer.from('who is there')];
const assertion = expect.objectContaining({ code: 'base.assertion' }) as Error;

describe('an inspection', () => {
  it('carries a handshake up to its limit, and none after it', () => {
    const wire = new FakeWire();
    const inspection = inspectionOf(wire, declared);
    inspection.handshake(Buffer.alloc(limits.inspectionHandshakeBytesMax));
    expect(() => inspection.handshake(Buffer.alloc(1))).toThrow(assertion);
    inspection.established();
    expect(() => inspection.handshake(Buffer.alloc(0))).toThrow(assertion);
    expect(wire.written).toHaveLength(1);
  });

  it('asks nothing before the handshake is over, and then only what is declared, byte by byte', () => {
    const wire = new FakeWire();
    const inspection = inspectionOf(wire, declared);
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
