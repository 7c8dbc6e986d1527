/** Asks what goes with an act: to whom, or why. */
import { type ReactNode, useEffect, useState } from 'react';
import type { InputOf } from '../../api/client.ts';
import { Button, Field, Input, TextArea } from '../../ui/controls.tsx';
import { Dialog } from '../../ui/overlays.tsx';
import type { Asking } from './act.tsx';
import type { Alert } from './words.ts';

type Body = InputOf<'handleAlert'>['body'];

const words: Readonly<Record<Asking, { readonly title: string; readonly about: string; readonly action: string }>> = {
  assign: { title: 'Assign it', about: 'To a person who may handle alerts.', action: 'Assign' },
  resolve: {
    title: 'Resolve it',
    about: 'It is over. What is found from now on is a new alert.',
    action: 'Resolve',
  },
  'false-positive': {
    title: 'A false positive?',
    about: 'It is over, and counts against its detection. The same stays quiet until its time is over.',
    action: 'It is a false positive',
  },
  reopen: { title: 'Reopen it', about: 'It is open again, and stands in the list.', action: 'Reopen' },
};

interface Props {
  readonly alert: Alert;
  readonly asking: Asking | null;
  readonly onClose: () => void;
  readonly onAct: (body: Body) => Promise<unknown>;
}

export function ActDialog(props: Props): ReactNode {
  const { asking, onClose } = props;
  const { title, about } = words[asking ?? 'resolve'];
  return (
    <Dialog open={asking !== null} onClose={onClose} title={title} about={about}>
      {asking === null ? null : <Asked key={asking} {...props} asking={asking} />}
    </Dialog>
  );
}

function Asked({ asking, alert, onClose, onAct }: Props & { readonly asking: Asking }): ReactNode {
  const [to, setTo] = useState('');
  const [text, setText] = useState('');
  const [problem, setProblem] = useState<string | null>(null);
  const [isBusy, setBusy] = useState(false);
  useEffect(() => setProblem(null), []);
  const act = async (): Promise<void> => {
    setBusy(true);
    try {
      const said = text.trim() === '' ? {} : { text: text.trim() };
      await onAct(asking === 'assign' ? { action: asking, to: to.trim(), ...said } : { action: asking, ...said });
      onClose();
    } catch (error) {
      setProblem(error instanceof Error ? error.message : 'That did not work.');
      setBusy(false);
    }
  };
  const inForce = alert.responses.filter((response) => response.inForce).length;
  return (
    <form
      className="grid gap-3"
      onSubmit={(event) => {
        event.preventDefault();
        void act();
      }}
    >
      {asking === 'assign' ? (
        <Field label="Name">
          {(ids) => (
            <Input
              {...ids}
              autoFocus
              required
              autoComplete="off"
              value={to}
              onChange={(event) => setTo(event.target.value)}
            />
          )}
        </Field>
      ) : null}
      <Field label={asking === 'false-positive' ? 'Why it is none' : 'Comment, if there is one'}>
        {(ids) => (
          <TextArea
            {...ids}
            autoFocus={asking !== 'assign'}
            required={asking === 'false-positive'}
            value={text}
            onChange={(event) => setText(event.target.value)}
            onKeyDown={(event) => {
              if (event.key === 'Enter' && (event.metaKey || event.ctrlKey)) event.currentTarget.form?.requestSubmit();
            }}
          />
        )}
      </Field>
      {inForce > 0 && (asking === 'resolve' || asking === 'false-positive') ? (
        <p className="text-warn">What was done by itself stays in force until its time is over, or it is ended.</p>
      ) : null}
      {problem === null ? null : (
        <p role="alert" className="text-bad">
          {problem}
        </p>
      )}
      <div className="flex justify-end gap-2">
        <Button onClick={onClose}>Cancel</Button>
        <Button type="submit" tone="primary" disabled={isBusy}>
          {words[asking].action}
        </Button>
      </div>
    </form>
  );
}
