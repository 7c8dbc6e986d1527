/** The gate as a state machine, with a shell played by the test: order of actions, holds, freezes, ends. */
import { describe, expect, test } from 'vitest';
import { FakeClock } from '../../base/clock.ts';
import { Gate } from './gate.ts';
import { makeGuard } from './guard.ts';
import { type HookNames, makeHookNames } from './hooks/names.ts';
import * as limits from './limits.ts';
import type { GateAction, GateAsk, Reduce, UnhookedChoice } from './types.ts';

const names: HookNames = { prefix: '__0011aabbccdd', nonce: 'ab'.repeat(16), keys: '[7770;123456;' };

/** Words split by `;`: enough to tell what a line covers. */
const reduce: Reduce = (text) => ({
  keys: text
    .split(';')
    .map((one) => one.trim())
    .filter((one) => one !== ''),
  complete: !text.includes('$'),
  unterminated: text.endsWith(' do'),
  flags: [],
});

class Played {
  readonly clock = new FakeClock();
  readonly actions: GateAction[] = [];
  readonly asks: GateAsk[] = [];
  readonly gate: Gate;
  #token = 0;

  constructor(unhooked: UnhookedChoice = 'refuse', reduceBy: Reduce = reduce) {
    this.gate = new Gate({
      clock: this.clock,
      reduce: reduceBy,
      columns: 80,
      rows: 24,
      unhooked,
      names,
      act: (action) => {
        this.actions.push(action);
        if (action.do === 'ask') this.asks.push(action.ask);
      },
    });
    this.gate.start();
  }

  side(text: string): void {
    this.gate.side(Buffer.from(text, 'utf8'));
  }
  /** A question of the hooks. */
  ask(level: string, text: string, token = `77.${++this.#token}`): void {
    this.side(`${level}\x1f${token}\x1f${text}\0`);
  }
  mark(letter: string): string {
    return `\x1b]7770;${names.nonce};${letter}\x07`;
  }
  show(text: string): void {
    this.gate.output(Buffer.from(text, 'utf8'));
  }
  prompt(status = 0): void {
    this.show(`\r\n${this.mark(`A;${status}`)}$ ${this.mark('B')}`);
  }
  type(text: string): void {
    this.gate.input(Buffer.from(text, 'utf8'));
  }
  greet(shell = '/bin/bash'): void {
    this.side(`Welcome!\n\x1e${names.nonce}\x1fok\x1f/tmp/.term.x\x1f${shell}\x1f0\x1f1000\x1f/usr/bin/mkfifo\x1e`);
    this.side(`\x1e${names.nonce}\x1fup\x1e`);
  }
  begin(shell = '/bin/bash', name = 'bash'): this {
    this.greet(shell);
    this.ask('H', `${names.nonce}\x1f${name}\x1f5.2`);
    this.ask('U', `${names.nonce}\x1f${name}\x1f5.2`);
    this.prompt();
    return this;
  }
  /** What went to the target since the last call. */
  sent(): string {
    return this.#take('to-target');
  }
  replied(): string {
    return this.#take('to-side').replace(/^\d+ \d+\.\d+/gm, '');
  }
  #taken = { 'to-target': 0, 'to-side': 0 };
  #take(what: 'to-target' | 'to-side'): string {
    const out = this.actions
      .slice(this.#taken[what])
      .flatMap((action) => (action.do === what ? [action.bytes.toString()] : []));
    this.#taken[what] = this.actions.length;
    return out.join('');
  }
  find<Do extends GateAction['do']>(what: Do): Extract<GateAction, { do: Do }>[] {
    return this.actions.filter((action): action is Extract<GateAction, { do: Do }> => action.do === what);
  }
  get frozen(): string | undefined {
    return this.find('freeze')[0]?.reason;
  }
}

describe('the guard of the hooks', () => {
  const guard = makeGuard(names, '/tmp/.term.AbCdEfGhIj');
  const isDenied = (text: string, level: 'line' | 'command' = 'command'): boolean =>
    guard.check(text, 'bash', level) !== null;

  test.each([
    'trap ff USR1',
    'builtin trap ff EXIT',
    'trap -- "ff" INT',
    'bind $a "$b"',
    'complete -C "$x" foo',
    `$b -x '"\\C-t": danger'`,
    'cat < /tmp/.t*/q',
    'cat /tmp/.term.??????????/q',
    'cat /tmp/.*/q',
    'cd /tmp/.[t]*',
    'cat /tmp/".term."*/q',
  ])('denies %s', (text) => expect(isDenied(text)).toBe(true));

  test.each([
    'trap',
    'trap -p',
    'trap - INT',
    "trap '' INT",
    'trap -- - EXIT',
    'trap 2',
    'bind -p',
    'complete -F _git git',
    'ls .*',
    'ls -d /tmp/.*',
    'cat ~/.ssh/*.pub',
    'cat ~/.config/*/x',
    'rm *.tmp',
    'mount --bind $a $b',
  ])('leaves %s', (text) => expect(isDenied(text)).toBe(false));

  test('looks at traps where they are set, not where a text speaks of them', () => {
    expect(isDenied(`ssh web 'cd x; trap y EXIT'`, 'line')).toBe(false);
  });
});

test('in zsh a brace closes without a semicolon: such a line is whole, and is asked', () => {
  const played = new Played(undefined, (text) => ({
    keys: [text],
    complete: true,
    unterminated: !text.includes(';'),
    flags: [],
  }));
  played.begin('/usr/bin/zsh', 'zsh');
  played.type('{ danger }\r');
  played.ask('L1', '{ danger }');
  expect(played.asks.map(({ text }) => text)).toEqual(['{ danger }']);
});

describe('the beginning', () => {
  test('side channel, files, terminal, hello, prompt: then ready', () => {
    const played = new Played();
    expect(played.actions.map((action) => action.do)).toEqual(['open-side']);
    played.begin();
    expect(played.actions.map((action) => action.do).filter((what) => what !== 'to-user')).toEqual([
      'open-side',
      'to-side',
      'open-pty',
      'to-side',
      'to-side',
      'ready',
    ]);
    expect(played.gate.phase).toBe('prompt');
  });

  test.each([
    ['no side channel', (played: Played) => played.gate.sideEnded(), 'no-side-channel'],
    ['silence', (played: Played) => played.clock.advance(limits.sideMs), 'no-side-channel'],
    ['no directory', (played: Played) => played.side(`\x1e${names.nonce}\x1fnone\x1e`), 'no-directory'],
    ['tcsh', (played: Played) => played.greet('/bin/tcsh'), 'shell-unsupported'],
    [
      'no hello',
      (played: Played) => {
        played.greet();
        played.clock.advance(limits.helloMs);
      },
      'no-hello',
    ],
    [
      'a foreign hello',
      (played: Played) => {
        played.greet();
        played.ask('H', 'feed\x1fbash\x1f5.2');
      },
      'wrong-hello',
    ],
    [
      'an old bash',
      (played: Played) => {
        played.greet();
        played.ask('H', `${names.nonce}\x1fbash\x1f3.2`);
      },
      'shell-too-old',
    ],
    [
      'start-up files without end',
      (played: Played) => {
        played.greet();
        played.ask('H', `${names.nonce}\x1fbash\x1f5.2`);
        played.clock.advance(limits.readyMs);
      },
      'not-ready',
    ],
    [
      'the terminal ends',
      (played: Played) => {
        played.greet();
        played.gate.outputEnded();
      },
      'no-hello',
    ],
  ] as const)('%s: unhooked, and the choice of the resource is named', (_, act, reason) => {
    const played = new Played('exec-only');
    act(played);
    expect(played.find('unhooked')).toMatchObject([{ reason, choice: 'exec-only' }]);
    played.type('ls\r');
    expect(played.sent()).toBe('');
  });

  test('nothing typed before the prompt is sent before it', () => {
    const played = new Played();
    played.type('ls\r');
    expect(played.sent()).toBe('');
    played.begin();
    expect(played.sent()).toBe('ls\r');
  });
});

describe('a line', () => {
  test('is asked whole; its commands are covered; what follows waits for what becomes of it', () => {
    const played = new Played().begin();
    played.replied();
    played.type('a; b\rnext\r');
    expect(played.sent()).toBe('a; b\r');
    played.ask('L1', 'a; b');
    expect(played.asks.map(({ level, text }) => [level, text])).toEqual([['line', 'a; b']]);
    played.gate.decide(1, { verdict: 'allow' });
    expect(played.replied()).toBe('A\n');
    played.show(`\r\n${played.mark('C')}`);
    expect(played.sent()).toBe('next\r');
    played.ask('C', 'a');
    played.ask('C', 'hidden');
    expect(played.find('covered')).toMatchObject([{ text: 'a', line: 1 }]);
    expect(played.asks[1]).toMatchObject({ level: 'command', text: 'hidden', line: 1 });
    played.gate.decide(2, { verdict: 'allow' });
    expect(played.replied()).toBe('G\nG\n');
    played.prompt(3);
    expect(played.find('ended')).toEqual([
      { do: 'ended', id: 1, status: 3 },
      { do: 'ended', id: 2, status: 3 },
    ]);
  });

  test('has the directory that the shell says with it; what it says of another question, or of none, is nothing', () => {
    const played = new Played().begin();
    played.type('a; b\r');
    played.side('W\x1f77.90\x1f/srv/app\0');
    played.ask('L1', 'a; b', '77.90');
    played.gate.decide(1, { verdict: 'allow' });
    played.show(`\r\n${played.mark('C')}`);
    played.side('W\x1f78.1\x1f/elsewhere\0');
    played.ask('C', 'hidden');
    expect(played.asks).toMatchObject([{ directory: '/srv/app' }, { directory: null }]);
    expect(played.frozen).toBeUndefined();
  });

  test('that is denied drops what was typed behind it, and the session goes on', () => {
    const played = new Played().begin();
    played.replied();
    played.type('bad\rmore\r');
    played.ask('L1', 'bad');
    played.gate.decide(1, { verdict: 'deny', message: 'rule no-bad\n\x1b[2J' });
    expect(played.replied()).toBe('Dsallyport: rule no-bad  [2J\n');
    played.prompt();
    expect(played.sent()).toBe('bad\r');
    played.type('ok\r');
    expect(played.sent()).toBe('ok\r');
    expect(played.frozen).toBeUndefined();
  });

  test('that is held shows for whom, keeps input, and is given up by Ctrl-C', () => {
    const played = new Played().begin();
    played.replied();
    played.type('restart\r');
    played.ask('L1', 'restart');
    played.gate.note(1, 'waits for dba, review https://x/1');
    expect(played.replied()).toBe('Nsallyport: waits for dba, review https://x/1\n');
    played.sent();
    played.type('typed ahead');
    expect(played.sent()).toBe('');
    played.type('\x03');
    expect(played.find('withdraw')).toEqual([{ do: 'withdraw', id: 1, by: 'person' }]);
    expect(played.replied()).toBe('Dsallyport: Given up.\n');
    played.gate.decide(1, { verdict: 'allow' });
    expect(played.replied()).toBe('');
    played.prompt();
    expect(played.sent()).toBe('');
  });

  test('that goes on is asked once, with all its lines', () => {
    const played = new Played().begin();
    played.type('for i do\r');
    played.ask('L1', 'for i do');
    expect(played.asks).toEqual([]);
    played.show(`\r\n${played.mark('F')}> ${played.mark('G')}`);
    played.type('done\r');
    played.ask('L2', 'done');
    expect(played.asks[0]!.text).toBe('for i do\ndone');
  });

  test('that touches the hooks is denied by the gate itself, with an alert', () => {
    const played = new Played().begin();
    played.replied();
    for (const text of ['trap - DEBUG', `unset ${names.prefix}ask`, 'tr""ap - "DE"BUG', 'rm /tmp/.term.x/q']) {
      played.type(`${text}\r`);
      played.ask('L1', text);
      expect(played.asks.at(-1)!.denied?.code).toBe('touches-hooks');
      expect(played.replied()).toMatch(/^D/);
      played.prompt();
    }
    expect(played.find('alert')).toHaveLength(4);
  });

  test('that is too long or not text is denied', () => {
    const played = new Played().begin();
    played.ask('L1', 'x'.repeat(limits.textBytesMax + 1));
    expect(played.asks.at(-1)!.denied?.code).toBe('text-too-long');
    played.prompt();
    played.gate.side(Buffer.from([...Buffer.from('L1\x1f77.999\x1f'), 0xff, 0]));
    expect(played.asks.at(-1)!.denied?.code).toBe('not-text');
  });
});

describe('the session freezes (A-SSH-19)', () => {
  test.each([
    ['something runs at the prompt', (played: Played) => played.show(played.mark('C')), 'ran-unasked'],
    [
      'Enter, and output without a question',
      (played: Played) => {
        played.type('x\r');
        played.show(`x\r\n${played.mark('C')}`);
      },
      'ran-unasked',
    ],
    [
      'Enter, another row, and silence',
      (played: Played) => {
        played.type('x\r');
        played.show('x\r\nout\r\n');
        played.clock.advance(limits.submitMs);
      },
      'hooks-silent',
    ],
    ['a mark with another nonce', (played: Played) => played.show('\x1b]7770;feed;B\x07'), 'unknown-nonce'],
    ['the side channel ends', (played: Played) => played.gate.sideEnded(), 'side-channel-ended'],
    ['the side channel talks nonsense', (played: Played) => played.side('nonsense\0'), 'side-channel-malformed'],
    [
      'a token comes twice',
      (played: Played) => {
        played.ask('L1', 'a', '5.5');
        played.ask('L1', 'a', '5.5');
      },
      'token-reused',
    ],
    [
      'too many questions',
      (played: Played) => {
        for (let at = 0; at <= limits.openAsksMax; at++) played.ask('C', `x${at}`);
      },
      'too-many-asks',
    ],
    [
      'too much is typed while one is open',
      (played: Played) => {
        played.ask('L1', 'a');
        played.type('x'.repeat(limits.queuedInputBytesMax + 1));
      },
      'queue-overflow',
    ],
    [
      'commands are not reported',
      (played: Played) => {
        played.ask('L1', 'a');
        played.gate.decide(1, { verdict: 'allow' });
        played.show(`\r\n${played.mark('C')}out`);
        played.prompt();
      },
      'commands-silent',
    ],
  ] as const)('%s', (_, act, reason) => {
    const played = new Played().begin();
    act(played);
    expect(played.frozen).toBe(reason);
    played.sent();
    played.type('ls\r');
    expect(played.sent()).toBe('');
  });

  test('but not where Enter did not move the cursor', () => {
    const played = new Played().begin();
    played.type('x\r');
    played.show('x^M');
    played.clock.advance(limits.submitMs + 1);
    expect(played.frozen).toBeUndefined();
    played.sent();
    played.type('y');
    expect(played.sent()).toBe('y');
  });
});

describe('a shell without hooks', () => {
  const dash = (): Played => {
    const played = new Played().begin('/bin/dash', 'dash');
    played.sent();
    return played;
  };

  test('is asked before Enter is passed on', () => {
    const played = dash();
    played.type('ls\r');
    expect(played.sent()).toBe('ls');
    played.show('ls');
    played.clock.advance(limits.settleQuietMs);
    expect(played.asks).toMatchObject([{ level: 'line', text: 'ls', source: 'screen' }]);
    expect(played.sent()).toBe('');
    played.gate.decide(1, { verdict: 'allow' });
    expect(played.sent()).toBe('\r');
  });

  test('a denied line becomes Ctrl-C', () => {
    const played = dash();
    played.type('rm x\rls\r');
    played.show('rm x');
    played.clock.advance(limits.settleQuietMs);
    played.gate.decide(1, { verdict: 'deny', message: 'no' });
    expect(played.sent()).toBe('rm x\x03');
  });

  test('what is not on the screen is denied', () => {
    const played = dash();
    played.type('rm x\r');
    played.clock.advance(limits.settleMs);
    expect(played.asks[0]!.denied?.code).toBe('unseen');
    expect(played.sent()).toBe('rm x\x03');
  });

  test('what the screen shows besides is judged too: it adds a denial, and lifts none', () => {
    const played = dash();
    played.type('ls\r');
    played.show('noise ls');
    played.clock.advance(limits.settleMs);
    played.gate.decide(1, { verdict: 'allow' });
    expect(played.asks[1]).toMatchObject({ level: 'shown', text: 'noise ls' });
    played.gate.decide(2, { verdict: 'deny', message: 'no' });
    expect(played.sent()).toBe('ls\x03');
  });

  test('a prompt that nothing called for freezes', () => {
    const played = dash();
    played.prompt();
    expect(played.frozen).toBe('ran-unasked');
  });
});

test('names of two sessions have nothing in common', () => {
  const [one, other] = [makeHookNames(), makeHookNames()];
  expect([one.prefix === other.prefix, one.nonce === other.nonce]).toEqual([false, false]);
});
