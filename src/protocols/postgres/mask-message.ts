/**
 * Errors, notices and notifications while a plan is in force (A-PG-23): their texts may quote what is masked in rows.
 *
 * `withhold` leaves severity, SQLSTATE, position and the names of relations and constraints, and says by the condition's
 * name what it was about; a few texts of the server that quote nothing stay, so that clients that wait for them work.
 * `pass` lets the plan's text mask run over the texts.
 *
 * Plans outlive their command here: an error at COMMIT or Sync may quote what an earlier statement of the transaction
 * wrote, so the strictest plan of the transaction counts for whatever has none of its own. Notifications come outside of
 * commands and may carry anything: the last plan of the session counts, and where that one masked columns or withheld
 * messages their payloads are withheld.
 *
 * Deliberately absent: ParameterStatus and CommandComplete, which carry no values; names of result columns, which come
 * from the statement.
 * Source: PostgreSQL documentation, chapter 54.8 and appendix A.
 */
import type { CellContext, OutputPlan, ValueMask } from '../../core/masking.ts';
import { Body, type MessageView, message } from './body.ts';
import { conditionName } from './mask-conditions.ts';
import { hasColumnMasks } from './mask-plan.ts';
import { decodeNotificationResponse, encodeNotificationResponse } from './messages.ts';

export const withheldText = '(withheld by the gateway: the message may quote masked values)';

/** What a withheld message keeps: see chapter 54.8. `P` is a position in the client's own text. */
const keptFields = new Set(['S', 'V', 'C', 'P', 's', 't', 'c', 'd', 'n', 'F', 'L', 'R']);

/** Fields that the text mask runs over when messages pass. */
const textFields = new Set(['M', 'D', 'H', 'W', 'q']);

/** Texts that clients and drivers act on and that quote nothing; only the whole text, exactly. */
const harmlessTexts: ReadonlySet<string> = new Set([
  'canceling statement due to user request',
  'canceling statement due to statement timeout',
  'canceling statement due to lock timeout',
  'current transaction is aborted, commands ignored until end of transaction block',
  'deadlock detected',
  'could not serialize access due to concurrent update',
  'could not serialize access due to concurrent delete',
  'could not serialize access due to read/write dependencies among transactions',
  'terminating connection due to administrator command',
  'terminating connection due to idle-in-transaction timeout',
  'terminating connection due to idle-session timeout',
  'the database system is shutting down',
  'there is already a transaction in progress',
  'there is no transaction in progress',
  'cached plan must not change result type',
]);

const textCell: CellContext = { type: 'text', column: '', charactersMax: null };

/** What holds for messages now. */
export interface MessageRule {
  readonly withhold: boolean;
  readonly text: ValueMask | null;
}

/** The plans that messages are masked by. */
export class MessagePlans {
  #transaction: MessageRule | null = null;
  #last: OutputPlan | null = null;

  /** A command with this plan is being answered. */
  remember(plan: OutputPlan): void {
    if (plan === this.#last && this.#transaction !== null) return;
    this.#last = plan;
    this.#transaction = {
      withhold: plan.messages === 'withhold' || this.#transaction?.withhold === true,
      text: plan.text ?? this.#transaction?.text ?? null,
    };
  }

  /** ReadyForQuery said that no transaction is open. */
  transactionEnded(): void {
    this.#transaction = null;
  }

  /** For errors and notices; null where nothing of the transaction was masked. */
  get rule(): MessageRule | null {
    return this.#transaction;
  }

  /** The NotificationResponse as it may be delivered, or null where it passes as it is. */
  notification(view: MessageView): Buffer | null {
    const plan = this.#last;
    if (plan === null) return null;
    const notification = decodeNotificationResponse(view);
    const { payload } = notification;
    if (payload === '') return null;
    if (plan.messages === 'withhold' || hasColumnMasks(plan)) {
      return encodeNotificationResponse({ ...notification, payload: '(withheld by the gateway)' });
    }
    const now = plan.text === null ? payload : maskedText(plan.text, payload);
    return now === payload ? null : encodeNotificationResponse({ ...notification, payload: now ?? '' });
  }
}

/** The ErrorResponse or NoticeResponse as it may be delivered, or null where it passes as it is. */
export function maskMessage(type: 'E' | 'N', view: MessageView, rule: MessageRule): Buffer | null {
  if (!rule.withhold && rule.text === null) return null;
  const before = fieldsOf(view);
  const after = rule.withhold ? withheld(before) : before.map((field) => searched(field, rule.text!));
  if (after.every((field, index) => field === before[index]) && after.length === before.length) return null;
  return message(type, (w) => {
    for (const [name, value] of after) w.utf8(name).cstring(value.replaceAll('\0', ' '));
    w.uint8(0);
  });
}

type FieldOfMessage = readonly [name: string, value: string];

function fieldsOf(view: MessageView): FieldOfMessage[] {
  const body = Body.of('ErrorResponse', view);
  const fields: FieldOfMessage[] = [];
  for (let type = body.uint8(); type !== 0; type = body.uint8()) {
    fields.push([String.fromCharCode(type), body.looseString()]);
  }
  return fields;
}

function withheld(fields: readonly FieldOfMessage[]): FieldOfMessage[] {
  const code = fields.find(([name]) => name === 'C')?.[1] ?? '';
  const condition = conditionName(code);
  const kept: FieldOfMessage[] = [];
  for (const field of fields) {
    if (keptFields.has(field[0])) kept.push(field);
    else if (field[0] === 'M') {
      kept.push(
        harmlessTexts.has(field[1]) ? field : ['M', condition === null ? withheldText : `${condition} ${withheldText}`],
      );
    }
  }
  return kept;
}

function searched(field: FieldOfMessage, mask: ValueMask): FieldOfMessage {
  if (!textFields.has(field[0])) return field;
  const now = maskedText(mask, field[1]);
  return now === field[1] ? field : [field[0], now ?? withheldText];
}

function maskedText(mask: ValueMask, text: string): string | null {
  const bytes = Buffer.from(text);
  const now = mask.apply(bytes, textCell);
  return now === bytes ? text : now === null ? null : now.toString('utf8');
}
