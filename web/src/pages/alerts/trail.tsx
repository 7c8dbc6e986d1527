/** What people did about an alert, in order; and a comment of one's own. */
import { type ReactNode, useState } from 'react';
import { useAct } from '../../api/query.ts';
import { Safe, safeText } from '../../format/safe.tsx';
import { Button, TextArea } from '../../ui/controls.tsx';
import { attempt } from '../../ui/overlays.tsx';
import { Panel } from '../../ui/page.tsx';
import { Ago } from '../../ui/time.tsx';
import { type Alert, doing } from './words.ts';

export function Trail({ alert }: { readonly alert: Alert }): ReactNode {
  const { trail, you } = alert;
  return (
    <Panel title="What people did">
      {trail.length === 0 ? <p className="text-quiet">Nobody has looked at it yet.</p> : null}
      <ol className="grid gap-2.5">
        {trail.map(({ at, by, action, to, text }, index) => (
          <li key={index}>
            <strong className="font-medium">
              <Safe text={by.name} />
            </strong>{' '}
            {doing(action, to === null ? null : safeText(to))}{' '}
            <span className="text-xs text-quiet">
              <Ago at={at} />
            </span>
            {text === '' ? null : (
              <p className="mt-0.5 border-l-2 pl-2.5 whitespace-pre-wrap text-quiet">
                <Safe text={text} />
              </p>
            )}
          </li>
        ))}
      </ol>
      {you.mayHandle ? <Comment id={alert.id} /> : null}
    </Panel>
  );
}

function Comment({ id }: { readonly id: string }): ReactNode {
  const act = useAct('handleAlert', ['getAlert', 'listAlerts']);
  const [text, setText] = useState('');
  const send = (): Promise<void> =>
    attempt(async () => {
      await act.mutateAsync({ params: { id }, body: { action: 'comment', text: text.trim() } });
      setText('');
    });
  return (
    <form
      className="mt-4 grid gap-2 border-t pt-4"
      onSubmit={(event) => {
        event.preventDefault();
        void send();
      }}
    >
      <TextArea
        id="alert-comment"
        aria-label="Comment"
        placeholder="What you found out"
        value={text}
        onChange={(event) => setText(event.target.value)}
        onKeyDown={(event) => {
          if (event.key === 'Enter' && (event.metaKey || event.ctrlKey)) event.currentTarget.form?.requestSubmit();
        }}
      />
      <Button type="submit" disabled={text.trim() === '' || act.isPending} className="justify-self-end">
        Comment
      </Button>
    </form>
  );
}
