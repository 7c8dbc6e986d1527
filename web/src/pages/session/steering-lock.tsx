/** Locking the principal of a session out, for a time: a Lock like any other, applied. */
import { type ReactNode, useEffect, useState } from 'react';
import { call, Problem } from '../../api/client.ts';
import { forget } from '../../api/query.ts';
import { Button, Field, Select, TextArea } from '../../ui/controls.tsx';
import { Dialog, say } from '../../ui/overlays.tsx';
import type { SteeringDialogProps } from './steering-dialogs.tsx';

const minutes = { '60': '1 hour', '480': '8 hours', '1440': '1 day', '10080': '7 days' } as const;
const nameLengthMax = 63;

/** Names of objects have neither upper case nor much else. */
function lockNameOf(principal: string): string {
  return `principal-${principal.toLowerCase().replace(/[^a-z0-9._-]+/g, '-')}`.slice(0, nameLengthMax);
}

export function LockDialog({ session, open, onClose }: SteeringDialogProps): ReactNode {
  const { name } = session.principal;
  const [reason, setReason] = useState('');
  const [until, setUntil] = useState('');
  const [isBusy, setBusy] = useState(false);
  const [problem, setProblem] = useState<string | null>(null);
  useEffect(() => {
    if (open) setReason('');
    setProblem(null);
  }, [open]);
  const lock = async (): Promise<void> => {
    setBusy(true);
    setProblem(null);
    try {
      const end = until === '' ? {} : { until: new Date(Date.now() + Number(until) * 60_000).toISOString() };
      const spec = { target: { principal: name }, reason: reason.trim(), ...end };
      const lock = { kind: 'Lock', metadata: { name: lockNameOf(name) }, spec };
      await call('apply', { body: { documents: [lock], dryRun: false } });
      say(`${name} is locked out. To take it away, delete ${lockNameOf(name)} under Locks.`);
      forget('listSessions', 'getSession', 'listObjects');
      onClose();
    } catch (error) {
      setProblem(error instanceof Problem ? error.message : String(error));
    } finally {
      setBusy(false);
    }
  };
  return (
    <Dialog
      open={open}
      onClose={onClose}
      title={`Lock ${name}`}
      about="Ends every session of theirs within a second, on every gateway, and shuts them out until the lock ends."
    >
      <form
        className="grid gap-3"
        onSubmit={(event) => {
          event.preventDefault();
          void lock();
        }}
      >
        <Field label="Reason" hint="They are told this." problem={problem}>
          {(ids) => (
            <TextArea {...ids} required autoFocus value={reason} onChange={(event) => setReason(event.target.value)} />
          )}
        </Field>
        <Field label="For how long">
          {(ids) => (
            <Select {...ids} value={until} onChange={(event) => setUntil(event.target.value)}>
              <option value="">Until somebody takes it away</option>
              {Object.entries(minutes).map(([value, title]) => (
                <option key={value} value={value}>
                  {title}
                </option>
              ))}
            </Select>
          )}
        </Field>
        <div className="flex justify-end gap-2">
          <Button onClick={onClose}>Cancel</Button>
          <Button type="submit" tone="danger" disabled={isBusy}>
            Lock {name}
          </Button>
        </div>
      </form>
    </Dialog>
  );
}
