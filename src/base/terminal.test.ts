import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { TerminalFilter } from './terminal.ts';

const esc = '\u001b';
const filtered = (...pieces: readonly string[]): string => {
  const filter = new TerminalFilter();
  return pieces.map((piece) => filter.push(piece)).join('');
};

describe('TerminalFilter (A-SSH-22)', () => {
  it.each([
    ['text', 'grüße 山田 🙂', 'grüße 山田 🙂'],
    ['lines', 'a\r\nb\tc\bd', 'a\r\nb\tc\bd'],
    ['colours', `${esc}[1;38;2;1;2;3mx${esc}[4:3m${esc}[m`, `${esc}[1;38;2;1;2;3mx${esc}[4:3m${esc}[m`],
    ['cursor movement', `${esc}[2;5H${esc}[3A${esc}[K${esc}[2J`, `${esc}[2;5H${esc}[3A${esc}[K${esc}[2J`],
    ['numbers beyond any terminal', `${esc}[999999999b`, `${esc}[9999b`],
    [
      'the alternate screen, spelled in one way',
      `${esc}[?47h.${esc}[?1047h${esc}[?1049l`,
      `${esc}[?1049h.${esc}[?1049l`,
    ],
    ['a mode among others', `${esc}[?1000;25;2004l`, `${esc}[?25l`],
    ['a title', `a${esc}]0;pwned\u0007b`, 'ab'],
    ['a title by C1', 'a\u009d0;pwned\u009cb', 'ab'],
    ['OSC 52: the clipboard', `a${esc}]52;c;cm0gLXJmIC8=\u0007b`, 'ab'],
    ['OSC 8: a link, its text stays', `${esc}]8;;javascript:alert(1)${esc}\\x${esc}]8;;${esc}\\`, 'x'],
    ['OSC 4, 10, 11: colour queries', `${esc}]4;1;?\u0007${esc}]10;?${esc}\\${esc}]11;?\u0007`, ''],
    ['OSC 7, 9, 133, 777, 1337', `${esc}]7;file:///\u0007${esc}]777;notify;a;b\u0007${esc}]1337;File=:AA\u0007`, ''],
    ['DCS: DECRQSS', `${esc}P$qm${esc}\\x`, 'x'],
    ['DCS: sixel and user-defined keys', `${esc}P0;1|17/6c73${esc}\\${esc}Pq#0;2${esc}\\x`, 'x'],
    ['DCS by C1, nested ESC', `\u0090$q"p${esc}\\x`, 'x'],
    ['APC, PM, SOS', `${esc}_Gq${esc}\\${esc}^p${esc}\\${esc}Xs${esc}\\x`, 'x'],
    ['a string that another sequence breaks off', `${esc}]0;t${esc}[31mx`, `${esc}[31mx`],
    ['a string that CAN ends', `${esc}]0;t\u0018x`, 'x'],
    ['device attributes', `${esc}[c${esc}[>c${esc}[=c${esc}Z`, ''],
    ['device status and cursor reports', `${esc}[5n${esc}[6n${esc}[?6n`, ''],
    ['window reports and moves', `${esc}[21t${esc}[18t${esc}[8;1;1t`, ''],
    ['DECRQM, XTVERSION, DECREQTPARM', `${esc}[?25$p${esc}[>0q${esc}[x`, ''],
    ['keyboard protocols', `${esc}[>1u${esc}[?u${esc}[>4;2m${esc}[?2004h${esc}[?1h${esc}=`, ''],
    ['mouse and focus', `${esc}[?1000h${esc}[?1006h${esc}[?1004h${esc}[1;2;3;4;5T`, ''],
    ['erasing the scrollback', `${esc}[3J`, ''],
    ['margins and tab stops', `${esc}[1;5s${esc}[3g${esc}H`, ''],
    ['print: media copy', `${esc}[5i${esc}[?4i`, ''],
    ['ENQ, BEL, XOFF, NUL, DEL', 'a\u0005\u0007\u0013\u0000\u007fb', 'ab'],
    ['character sets: drawn, never switched', `${esc}(0lqk${esc}(Bx\u000e${esc})0q\u000fq`, '┌─┐x─q'],
    ['other character sets', `${esc}%G${esc}(A${esc}*0${esc}#8x`, 'x'],
    ['a control inside a sequence', `${esc}[3\n1mx`, `\n${esc}[31mx`],
    ['a sequence with what does not belong', `${esc}[3<1mx${esc}[ qy${esc}[1${';1'.repeat(300)}mz`, 'xyz'],
    ['text that reorders or hides', 'a\u202eb\u2066c\u200bd\u{e0041}e', 'abcde'],
    ['a full reset: an empty screen', `${esc}c`, `${esc}[H${esc}[2J`],
    ['what is cut off', `${esc}[31`, ''],
  ])('%s', (_what, given, expected) => {
    expect(filtered(given)).toBe(expected);
  });

  it('gives the same for every way to cut the input', () => {
    const atom = fc.oneof(
      fc.constantFrom(
        esc,
        '[',
        ']',
        'P',
        '\\',
        '\u0007',
        '?',
        ';',
        '1',
        '25',
        'h',
        'm',
        '(',
        '0',
        'q',
        '\u009b',
        '\n',
        'x',
      ),
      fc.string({ unit: 'grapheme', maxLength: 3 }),
    );
    fc.assert(
      fc.property(fc.array(atom, { maxLength: 40 }), (atoms) => {
        expect(filtered(...atoms)).toBe(filtered(atoms.join('')));
      }),
    );
  });

  it('lets nothing through but what stands in its tables', () => {
    const allowed =
      /^(?:[^\u0000-\u001f\u007f-\u009f]|[\b\t\n\r]|\u001b\[[0-9;:]*m|\u001b\[[0-9;]*[@A-MPSTXZ`abdefrsu]|\u001b\[4[hl]|\u001b\[\?(?:6|7|25|1049)[hl]|\u001b[78DEM])*$/u;
    const bytes = fc.uint8Array({ maxLength: 80 }).map((given) => Buffer.from(given).toString('latin1'));
    fc.assert(
      fc.property(
        fc.array(fc.oneof(bytes, fc.constantFrom(esc, `${esc}[`, `${esc}]`, `${esc}[?`, 'h', 'c', 'n'))),
        (parts) => {
          const filter = new TerminalFilter();
          expect(filter.push(parts.join('')) + filter.end()).toMatch(allowed);
        },
      ),
    );
  });

  it('sets the terminal right at the end, where anything but text went through', () => {
    const filter = new TerminalFilter();
    expect(filter.push('text\r\n') + filter.end()).toBe('text\r\n');
    filter.push(`${esc}[?1049h${esc}[?25l${esc}[31m${esc}[5;10r`);
    expect(filter.end()).toBe(`${esc}[?1049l${esc}[4l${esc}[?7h${esc}7${esc}[r${esc}8${esc}[?25h${esc}[0m`);
    expect(filter.end()).toBe('');
    filter.push(`${esc}[?6h`);
    expect(filter.end()).toBe(`${esc}[4l${esc}[?7h${esc}[?6l${esc}[r${esc}[9999;1H${esc}[?25h${esc}[0m`);
    filter.push(`${esc}[1mx`);
    expect(filter.end()).toBe(`${esc}[4l${esc}[?7h${esc}[?25h${esc}[0m`);
  });
});
