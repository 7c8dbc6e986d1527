/**
 * A request and its answer: fields of both heads, bodies by what they are: JSON with line breaks, text, or bytes. Everything was
 * recorded as it was read: decoded, masked, without credentials.
 */
import { type ReactNode, useMemo, useState } from 'react';
import { bytes } from '../../format/format.ts';
import { Safe, safeText } from '../../format/safe.tsx';
import { Badge, Button, cx } from '../../ui/controls.tsx';
import { bodyText, hexOf, indentedJson } from './bodies.ts';
import type { Body, Entry, SessionCommand } from './model.ts';

const linesFirst = 30;
const linesMax = 4_000;

export function Exchange({ command }: { readonly command: SessionCommand }): ReactNode {
  const request = command.heads.find(({ direction, trailers }) => direction === 'in' && !trailers);
  const answers = command.heads.filter(({ direction }) => direction === 'out');
  const fields =
    request?.fields ?? (command.parameters ?? []).map(({ type, value }) => ({ name: type ?? '', value: value ?? '' }));
  const sent = command.bodies.filter(({ direction }) => direction === 'in');
  const received = command.bodies.filter(({ direction }) => direction === 'out');
  return (
    <div className="grid border-t lg:grid-cols-2 lg:divide-x">
      <Side title="Request" fields={fields} bodies={sent} />
      <div className="min-w-0 border-t lg:border-t-0">
        {answers.length === 0 ? (
          <Side title={command.ended === null ? 'No answer yet' : 'No answer'} fields={[]} bodies={received} />
        ) : (
          answers.map((head, index) => (
            <Side
              key={head.at}
              title={head.trailers ? 'Behind the body' : 'Answer'}
              status={head.status}
              fields={head.fields}
              bodies={index === answers.length - 1 ? received : []}
            />
          ))
        )}
      </div>
    </div>
  );
}

function Side({
  title,
  status = null,
  fields,
  bodies,
}: {
  readonly title: string;
  readonly status?: number | null;
  readonly fields: Entry<'head'>['fields'];
  readonly bodies: readonly Body[];
}): ReactNode {
  const type = fields.find(({ name }) => name.toLowerCase() === 'content-type')?.value ?? '';
  return (
    <section className="min-w-0 px-4 py-2.5" aria-label={title}>
      <h2 className="flex items-center gap-2 text-2xs font-medium text-quiet">
        {title}
        {status === null ? null : (
          <Badge tone={status >= 400 ? 'bad' : status >= 300 ? 'info' : 'good'}>{status}</Badge>
        )}
      </h2>
      {fields.length === 0 ? null : (
        <dl className="mt-1.5 grid grid-cols-[minmax(6rem,max-content)_minmax(0,1fr)] gap-x-3 text-xs">
          {fields.map(({ name, value }, index) => (
            <div key={`${index}-${name}`} className="contents">
              <dt className="truncate font-mono text-quiet">{safeText(name)}</dt>
              <dd className="min-w-0 font-mono break-words">
                <MaskedText text={value} />
              </dd>
            </div>
          ))}
        </dl>
      )}
      {bodies.map((body, index) => (
        <BodyView key={`${body.direction}-${index}`} body={body} type={type} />
      ))}
    </section>
  );
}

/** A value whose characters were all put out shows as masked. */
function MaskedText({ text }: { readonly text: string }): ReactNode {
  if (/^\*{3,}$|^\[redacted\]$/.test(text))
    return <span className="rounded bg-veil-soft px-1 text-veil">{safeText(text)}</span>;
  return <Safe text={text} oneLine />;
}

const redacted = /(\[redacted\]|\*{5,})/;

export function BodyView({ body, type }: { readonly body: Body; readonly type: string }): ReactNode {
  const [isWhole, setWhole] = useState(false);
  const shown = useMemo(() => {
    const text = bodyText(body);
    if (text === null) return { kind: 'bytes', lines: hexOf(body) } as const;
    const pretty = /json/.test(type) || /^\s*[{[]/.test(text) ? indentedJson(text) : text;
    return { kind: 'text', lines: pretty.replace(/\n$/, '').split('\n') } as const;
  }, [body, type, body.kept]);
  const lines = shown.lines.slice(0, isWhole ? linesMax : linesFirst);
  const more = shown.lines.length - lines.length;
  return (
    <div className="mt-2">
      <pre
        // biome-ignore lint/a11y/noNoninteractiveTabindex: it scrolls, so the keyboard must reach it
        tabIndex={0}
        role="region"
        aria-label="Body"
        className={cx(
          'max-h-96 overflow-auto rounded-md bg-raised p-2.5 font-mono text-xs',
          shown.kind === 'text' && 'whitespace-pre-wrap break-words',
        )}
      >
        {lines.map((line, index) => (
          <span key={index} className="block min-h-4">
            {line.split(redacted).map((part, at) =>
              redacted.test(part) ? (
                <span key={at} className="rounded bg-veil-soft text-veil">
                  {part}
                </span>
              ) : (
                <Safe key={at} text={part} />
              ),
            )}
          </span>
        ))}
      </pre>
      <p className="mt-1 flex items-center gap-2 text-2xs text-quiet">
        {bytes(body.bytes)}
        {shown.kind === 'bytes' ? ', not text' : ''}
        {body.kept < body.bytes ? ` · the first ${bytes(body.kept)} are shown` : ''}
        {more > 0 && !isWhole ? (
          <Button size="small" tone="ghost" onClick={() => setWhole(true)}>
            Show {more} more lines
          </Button>
        ) : null}
      </p>
    </div>
  );
}
