/** Programs that start others elsewhere or later: multiplexers, `at`, `crontab`, `systemd-run`. */
import { type Field, joined, literal, textsOf } from './field.ts';
import { type Call, type Handler, relaunch } from './launch.ts';
import { has, type OptionSpec, parseOptions, valueIn } from './options.ts';
import { flag } from './scope.ts';
import { runShellText, start } from './shells.ts';

const muxSpec: OptionSpec = { flags: '2CDlNuvVdPAEhbkUaZOIrRK', values: 'cfLSTtnxyFesp' };

function tmux(call: Call): void {
  const { at, args } = call;
  flag(at, 'multiplexer', 'tmux');
  const global = parseOptions({ flags: '2CDlNuvV', values: 'cfLST' }, args);
  if (!global.isCertain) flag(at, 'dynamic-argument', `tmux: ${global.doubt}`);
  const text = valueIn(global, 'c');
  if (text !== null) runShellText(at, text, 'tmux -c');
  if (has(global, 'f')) flag(at, 'opaque:script-file', 'tmux -f');
  for (const part of partsOf(global.operands)) {
    const [verb, ...rest] = part;
    if (verb === undefined) continue;
    if (verb.text === null) flag(at, 'dynamic-argument', 'tmux');
    else if (
      /^(?:new|neww|splitw?|split-window|new-|respawn|run|if|pipe|display-popup|popup|confirm|bind|set-hook|command)/.test(
        verb.text,
      )
    ) {
      const { operands } = parseOptions(muxSpec, rest);
      for (const field of operands.length > 1 && !/^(?:if|bind|set-hook|confirm)/.test(verb.text)
        ? [literal(joined(operands) ?? '')]
        : operands) {
        if (field.text === '' || operands.some(({ text }) => text === null)) flag(at, 'opaque:eval', 'tmux');
        else runShellText(at, field, `tmux ${verb.text}`);
      }
      if (/^(?:if|bind|set-hook|confirm|command)/.test(verb.text)) flag(at, 'opaque:option', `tmux ${verb.text}`);
    } else if (/^send/.test(verb.text)) {
      const { operands } = parseOptions({ flags: 'FHKlMRX', values: 'cNt' }, rest);
      // Keys may be split over several; all of them together are what is typed.
      const keys = textsOf(operands).map((key) =>
        key === null ? null : /^(?:Enter|C-[mj]|KPEnter)$/.test(key) ? '\n' : key === 'Space' ? ' ' : key,
      );
      runShellText(at, keys.includes(null) ? null : literal(keys.join('')), 'tmux send-keys');
      flag(at, 'opaque:eval', 'tmux send-keys');
    } else if (/^(?:source|source-file)$/.test(verb.text)) flag(at, 'opaque:script-file', 'tmux source-file');
  }
}

function partsOf(fields: readonly Field[]): Field[][] {
  const parts: Field[][] = [[]];
  for (const field of fields) {
    if (field.text === ';') parts.push([]);
    else parts.at(-1)!.push(field);
  }
  return parts;
}

function screen(call: Call): void {
  const { at, args } = call;
  flag(at, 'multiplexer', 'screen');
  const parsed = parseOptions(
    { flags: 'aADilLmnOqrRUvxX', values: 'ceEhpSsTt', optional: 'drRfx', long: 'version' },
    args,
  );
  if (!parsed.isCertain) flag(at, 'dynamic-argument', `screen: ${parsed.doubt}`);
  if (has(parsed, 'c')) flag(at, 'opaque:script-file', 'screen -c');
  if (has(parsed, 'X')) {
    const [verb, ...rest] = parsed.operands;
    if (verb?.text === 'stuff')
      runShellText(at, joined(rest) === null ? null : literal(joined(rest)!), 'screen -X stuff');
    else if (/^(?:exec|screen)$/.test(verb?.text ?? '')) relaunch(call, rest, 'screen -X');
    if (verb?.text !== 'quit') flag(at, 'opaque:option', 'screen -X');
  } else if (!has(parsed, 'r', 'd', 'D', 'x', 'l', 's') || parsed.operands.length > 1)
    relaunch(call, parsed.operands, 'screen');
}

/** `at now <<< text`, `batch`: the text is read. */
function later(call: Call): void {
  const { at, program, args } = call;
  const texts = textsOf(args);
  if (texts.some((text) => text !== null && /^-[lrdcV]/.test(text)) || program === 'atq' || program === 'atrm') return;
  flag(at, 'deferred:schedule', program);
  if (texts.some((text) => text === null || text.startsWith('-f'))) flag(at, 'opaque:script-file', program);
  else if (at.stdin.kind === 'text') runShellText(at, literal(at.stdin.text), program);
  else flag(at, 'opaque:stdin-shell', program);
}

function crontab(call: Call): void {
  const { at, args } = call;
  const parsed = parseOptions({ flags: 'leirnT', values: 'u' }, args);
  if (has(parsed, 'l', 'r')) return;
  flag(at, 'deferred:schedule', 'crontab');
  if (has(parsed, 'e')) flag(at, 'escape-capable', 'crontab -e');
  else if (parsed.operands.length > 0 && parsed.operands[0]!.text !== '-') flag(at, 'runs-files', 'crontab');
  else if (at.stdin.kind === 'text') {
    for (const line of at.stdin.text.split('\n')) {
      const match = /^\s*(?:@\w+|(?:\S+\s+){4}\S+)\s+([^%]*)/.exec(line);
      if (match !== null && !/^\s*#/.test(line)) runShellText(at, literal(match[1]!), 'crontab');
      else if (/=/.test(line)) flag(at, 'opaque:option', 'crontab');
    }
  } else flag(at, 'opaque:stdin-shell', 'crontab');
}

const runSpec: OptionSpec = {
  flags: 'tPqGdSrvh',
  values: 'puHMCE',
  long: 'unit= property= uid= gid= user machine= host= pty pipe quiet wait scope slice= description= remain-after-exit send-sighup service-type= nice= working-directory= same-dir collect shell on-active= on-boot= on-startup= on-unit-active= on-unit-inactive= on-calendar= timer-property= path-property= socket-property= no-block no-ask-password setenv= help version expand-environment= background= capsule= on-clock-change on-timezone-change slice-inherit',
};

function systemdRun(call: Call): void {
  const { at, program, args } = call;
  const parsed = parseOptions(runSpec, args);
  if (!parsed.isCertain) flag(at, 'dynamic-argument', `${program}: ${parsed.doubt}`);
  if (parsed.options.some(({ name }) => name.startsWith('on-'))) flag(at, 'deferred:schedule', program);
  if (
    parsed.options.some(
      ({ name, value }) => /property|^p$/.test(name) && /^Exec|^OnFailure|^OnSuccess/.test(value?.text ?? 'Exec'),
    )
  )
    flag(at, 'opaque:option', program);
  const user = valueIn(parsed, 'uid');
  const host = valueIn(parsed, 'M', 'machine', 'H', 'host');
  const more = {
    asUser: user === null ? (has(parsed, 'user') ? at.asUser : 'root') : (user.text ?? '*'),
    ...(host === null ? {} : { host: host.text ?? '*' }),
  };
  if (has(parsed, 'S', 'shell') || (parsed.operands.length === 0 && program === 'run0')) start(call, more.asUser);
  else relaunch(call, parsed.operands, program, more);
}

export const starters: Readonly<Record<string, Handler>> = {
  tmux,
  screen,
  at: later,
  batch: later,
  crontab,
  'systemd-run': systemdRun,
  run0: systemdRun,
};
