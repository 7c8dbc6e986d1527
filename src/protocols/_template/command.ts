/** From message to Command: what a rule judges and an auditor reads. `read` is a proof that nothing can change. */
import type { CommandDraft } from '../../core/command.ts';
import type { ClientMessage } from './messages.ts';

/** Null for messages that carry no command. */
export function draftOf(message: ClientMessage): CommandDraft | null {
  const draft = (verb: string, text: string, effect: CommandDraft['effect']): CommandDraft => ({
    kind: 'tool',
    verb,
    text,
    // What the record says: a protocol whose commands can carry passwords takes them out here (I8).
    recordedText: text,
    parameters: null,
    effect,
    // What the analysis of the protocol's language says; null where there is none.
    meaning: null,
    context: {},
    of: null,
  });
  switch (message.name) {
    case 'READ':
      return draft('read', message.text, 'read');
    case 'REPEAT':
      return draft('repeat', String(message.count), 'read');
    case 'WRITE':
      return draft('write', message.text, 'write');
    case 'PUT':
      return { ...draft('put', message.target, 'write'), kind: 'transfer' };
    case 'LOGIN':
    case 'PING':
    case 'QUIT':
      return null;
  }
}
