/** The gate where content is looked into. */

import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { noAttributes } from './attributes.ts';
import { status } from './constants.ts';
import { create, denied, failed, ok, read, Setup, turns, unsupported, write } from './gate-testing.ts';
import { writeRequest } from './requests.ts';
import { TextInspector } from './testing.ts';

describe('inspection', () => {
  const inspector = () => new TextInspector('NEEDLE');

  it('answers READs in any order, and the same bytes', async () => {
    await fc.assert(
      fc.asyncProperty(
        fc.array(fc.tuple(fc.nat(400_000), fc.integer({ min: 1, max: 100_000 })), { minLength: 1, maxLength: 30 }),
        async (reads) => {
          const setup = await new Setup({ inspector }).start();
          const content = Buffer.alloc(300_000);
          for (let at = 0; at < content.length; at++) content[at] = (at * 7 + (at >> 8)) & 0xff;
          setup.file('/start/f', content);
          // Short answers, as a server may give.
          setup.server.override = (request) => {
            if (request.type !== 'read' || request.offset >= content.length) return null;
            const data = Buffer.from(
              content.subarray(
                request.offset,
                request.offset + Math.min(request.length, 5000 + (request.offset % 50_000)),
              ),
            );
            return { type: 'data', id: request.id, data };
          };
          const handle = await setup.open('f', read);
          const replies = await setup.ask(
            ...reads.map(([offset, length], id) => ({ type: 'read' as const, id, handle, offset, length })),
          );
          await turns();
          for (const [id, [offset, length]] of reads.entries()) {
            const reply = setup.answers.get(id) ?? replies[id];
            if (offset >= content.length) expect(reply).toMatchObject({ type: 'status', code: status.SSH_FX_EOF });
            else
              expect(reply?.type === 'data' && reply.data.equals(content.subarray(offset, offset + length))).toBe(true);
          }
        },
      ),
      { numRuns: 40 },
    );
  });

  it('keeps a found text from a client that reads in any order', async () => {
    const content = Buffer.alloc(300_000, 'x');
    content.write('NEEDLE', 200_000);
    for (const offset of [0, 199_990, 200_003, 250_000]) {
      const setup = await new Setup({ inspector }).start();
      setup.file('/start/f', content);
      const handle = await setup.open('f', read);
      const [reply] = await setup.ask({ type: 'read', id: 1, handle, offset, length: 100_000 });
      if (offset === 0) expect(reply).toMatchObject({ type: 'data' });
      else expect(reply).toMatchObject(failed);
      expect((await setup.ask({ type: 'read', id: 2, handle, offset: 0, length: 10 }))[0]).toMatchObject(failed);
    }
  });

  it('takes an upload in order only, answers each WRITE, and writes all of it', async () => {
    const setup = await new Setup({ inspector }).start();
    const handle = await setup.open('f', write | create);
    // One at a time, as a simple client does: none waits for the next.
    for (let index = 0; index < 20; index++) {
      expect(
        await setup.ask({ type: 'write', id: index, handle, offset: index * 3, data: Buffer.from('abc') }),
      ).toMatchObject([ok]);
    }
    expect(await setup.ask({ type: 'close', id: 99, handle })).toMatchObject([ok]);
    expect(setup.server.files.get('/start/f')?.content.toString()).toBe('abc'.repeat(20));
    const other = await setup.open('g', write | create, 1001);
    await setup.ask({ type: 'write', id: 1, handle: other, offset: 0, data: Buffer.from('abc') });
    expect(
      await setup.ask({ type: 'write', id: 2, handle: other, offset: 100, data: Buffer.from('abc') }),
    ).toMatchObject([failed]);
    expect(await setup.ask({ type: 'close', id: 3, handle: other })).toMatchObject([failed]);
  });

  it('lets nobody put content together behind it, nor take out what is in quarantine', async () => {
    const setup = new Setup({ inspector: () => new TextInspector('NEEDLE', 'quarantine') });
    setup.server.offers = [['hardlink@openssh.com', '1']];
    await setup.start();
    const handle = await setup.open('f', write | create);
    // A second writer, another name, another size or mode while it is being uploaded.
    const open = { type: 'open' as const, id: 1, path: 'f', flags: write, attributes: noAttributes };
    expect(await setup.ask(open)).toMatchObject([failed]);
    const mode = { ...noAttributes, permissions: 0o644 };
    expect(
      await setup.ask(
        { type: 'rename', id: 2, path: 'f', target: 'g' },
        { type: 'hardlink', id: 3, path: 'f', target: 'g' },
        { type: 'remove', id: 4, path: 'f' },
        { type: 'setstat', id: 5, path: 'f', attributes: mode },
        { type: 'rename', id: 6, path: '/start', target: '/elsewhere' },
      ),
    ).toMatchObject([denied, denied, denied, denied, denied]);
    await setup.ask({ type: 'write', id: 7, handle, offset: 0, data: Buffer.from('xxNEEDLExx') });
    expect(await setup.ask({ type: 'fsetstat', id: 8, handle, attributes: mode })).toMatchObject([failed]);
    expect(await setup.ask({ type: 'close', id: 9, handle })).toMatchObject([failed]);
    const moved = setup.server.asked.find((request) => request.type === 'rename');
    const aside = moved?.type === 'rename' ? moved.target : '';
    expect(aside).toMatch(/^\/start\/\.sallyport-quarantine-[0-9a-f]{12}-f$/);
    expect(
      await setup.ask(
        { type: 'rename', id: 10, path: aside, target: 'f' },
        { type: 'setstat', id: 11, path: aside, attributes: mode },
        { ...open, id: 12, path: aside, flags: read | create },
      ),
    ).toMatchObject([denied, denied, denied]);
  });

  it('deals with what was found when the client goes, before its CLOSE and in the middle of it', async () => {
    for (const closes of [false, true]) {
      const setup = await new Setup({ inspector }).start();
      const handle = await setup.open('f', write | create);
      await setup.ask({ type: 'write', id: 1, handle, offset: 0, data: Buffer.from('xxNEEDLExx') });
      if (closes) setup.gate.fromClient(writeRequest({ type: 'close', id: 2, handle }));
      setup.gate.clientEnded();
      expect(setup.host.closedWith).toBeUndefined();
      await turns();
      expect(
        setup.server.asked.filter(({ type }) => type === 'close' || type === 'remove').map(({ type }) => type),
      ).toEqual(['close', 'remove']);
      expect(setup.host.closedWith).toBeNull();
    }
  });

  it('scans what stands behind an upload that is shorter than the file', async () => {
    const setup = await new Setup({ inspector }).start();
    setup.file('/start/f', 'xxxxDLE');
    const handle = await setup.open('f', write);
    expect(await setup.ask({ type: 'write', id: 1, handle, offset: 0, data: Buffer.from('xNEE') })).toMatchObject([ok]);
    expect(await setup.ask({ type: 'close', id: 2, handle })).toMatchObject([failed]);
    expect(setup.server.files.get('/start/f')?.content.toString()).toBe('xxxxDLE');
  });

  it('an error of the target at the end of an upload shows at CLOSE', async () => {
    const setup = await new Setup({ inspector }).start();
    const handle = await setup.open('f', write | create);
    await setup.ask({ type: 'write', id: 1, handle, offset: 0, data: Buffer.from('abc') });
    setup.server.override = ({ type, id }) =>
      type === 'write' ? { type: 'status', id, code: status.SSH_FX_FAILURE, message: 'disk full' } : null;
    expect(await setup.ask({ type: 'close', id: 2, handle })).toMatchObject([failed]);
    expect(setup.host.commands.at(-1)?.result?.outcome).toBe('failed');
  });

  it('does not let one handle read and write, nor the target copy, past the inspection', async () => {
    const setup = new Setup({ inspector });
    setup.server.offers = [['copy-data', '1']];
    await setup.start();
    setup.file('/start/f', 'x');
    const both = { type: 'open' as const, id: 1, path: 'f', flags: read | write, attributes: noAttributes };
    expect(await setup.ask(both)).toMatchObject([failed]);
    const [from, to] = [await setup.open('f', read), await setup.open('g', write | create, 1001)];
    const copy = { type: 'copy-data' as const, id: 2, from, fromOffset: 0, length: 0, to, toOffset: 0 };
    expect(await setup.ask(copy)).toMatchObject([unsupported]);
  });
});
