/** Time and reason of a request: for access, and for more of it. */
import { type ReactNode, useState } from 'react';
import { safeText } from '../../format/safe.tsx';
import { Button, cx, Field, TextArea } from '../../ui/controls.tsx';
import { reviewersWords } from '../reviews/words.ts';
import { lengths, lengthWords, type Terms, usualLength } from './words.ts';

export interface Wanted {
  readonly seconds: number;
  readonly reason: string;
}

export function TermsForm({
  label,
  terms,
  action,
  onCancel,
  onSend,
}: {
  readonly label: string;
  readonly terms: Terms;
  readonly action: string;
  readonly onCancel?: () => void;
  readonly onSend: (wanted: Wanted) => Promise<unknown>;
}): ReactNode {
  const [seconds, setSeconds] = useState(usualLength(terms));
  const [reason, setReason] = useState('');
  const [problem, setProblem] = useState<string | null>(null);
  const [isBusy, setBusy] = useState(false);
  const send = async (): Promise<void> => {
    if (terms.reasonRequired && reason.trim() === '') {
      setProblem('Say why: whoever decides reads it.');
      return;
    }
    setBusy(true);
    setProblem(null);
    try {
      await onSend({ seconds, reason: reason.trim() });
      setReason('');
    } catch (error) {
      setProblem(error instanceof Error ? error.message : 'That did not work.');
    } finally {
      setBusy(false);
    }
  };
  return (
    <form
      aria-label={label}
      className="grid gap-3"
      onSubmit={(event) => {
        event.preventDefault();
        void send();
      }}
    >
      <Length terms={terms} seconds={seconds} onChange={setSeconds} />
      <Field label={terms.reasonRequired ? 'Reason' : 'Reason, if there is one to give'} problem={problem}>
        {(ids) => (
          <TextArea
            {...ids}
            placeholder="Incident, ticket, what it is for"
            value={reason}
            onChange={(event) => setReason(event.target.value)}
            onKeyDown={(event) => {
              if (event.key === 'Enter' && (event.metaKey || event.ctrlKey)) event.currentTarget.form?.requestSubmit();
            }}
          />
        )}
      </Field>
      <div className="flex flex-wrap items-center justify-end gap-2">
        <p className="mr-auto text-xs text-quiet">
          Decided by {safeText(reviewersWords(terms.reviewers))}
          {terms.approvals > 1 ? `; takes ${terms.approvals} of them` : ''}.
        </p>
        {onCancel === undefined ? null : (
          <Button className="pointer-coarse:h-11" onClick={onCancel}>
            Cancel
          </Button>
        )}
        <Button type="submit" tone="primary" className="pointer-coarse:h-11" disabled={isBusy}>
          {action}
        </Button>
      </div>
    </form>
  );
}

function Length({
  terms,
  seconds,
  onChange,
}: {
  readonly terms: Terms;
  readonly seconds: number;
  readonly onChange: (seconds: number) => void;
}): ReactNode {
  return (
    <fieldset className="grid gap-1">
      <legend className="mb-1 text-xs font-medium text-quiet">For how long</legend>
      <div className="flex flex-wrap gap-1.5">
        {lengths(terms).map((one) => (
          <label
            key={one}
            className={cx(
              'inline-flex h-8 items-center rounded-md border px-3 pointer-coarse:h-11 has-focus-visible:outline-2',
              one === seconds ? 'border-transparent bg-accent-soft font-medium text-accent' : 'bg-sheet hover:bg-hover',
            )}
          >
            <input
              type="radio"
              name="length"
              className="sr-only"
              checked={one === seconds}
              onChange={() => onChange(one)}
            />
            {lengthWords(one)}
          </label>
        ))}
      </div>
    </fieldset>
  );
}
