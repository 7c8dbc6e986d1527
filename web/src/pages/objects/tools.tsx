/** Beside the editor: what the draft changes, and how it would act. Which of them is shown stands in the address. */
import { useNavigate, useSearch } from '@tanstack/react-router';
import type { ReactNode } from 'react';
import { useAsk } from '../../api/query.ts';
import { useMay } from '../../app/me.tsx';
import { Safe } from '../../format/safe.tsx';
import { Loading } from '../../ui/states.tsx';
import { AccessChanges } from './access-changes.tsx';
import { ChangeTable } from './changes.tsx';
import { ConnectionTest } from './connection.tsx';
import { changesAccess } from './deletion.tsx';
import { DetectionExamples, DetectionReplay } from './detecting.tsx';
import type { Path } from './document.ts';
import type { Draft } from './drafting.ts';
import { HostKeys } from './host-keys.tsx';
import { at, type Kind, type Manifest } from './kinds.ts';
import { Reaching } from './reaching.tsx';
import { PolicyReplay } from './replaying.tsx';
import { SinkTest } from './sink-test.tsx';
import { Trying } from './trying.tsx';

export interface ToolProps {
  readonly draft: Draft;
  readonly stored: Manifest | null;
  readonly mayWrite: boolean;
  readonly onReveal: (path: Path) => void;
}

interface Tool {
  readonly id: string;
  readonly title: string;
  readonly permission?: string;
  readonly show: (props: ToolProps) => ReactNode;
}

const changes: Tool = {
  id: 'changes',
  title: 'Changes',
  permission: 'objects.write',
  show: (props) => <Changes {...props} />,
};
const trying: Tool = {
  id: 'try',
  title: 'Try a statement',
  permission: 'policy.test',
  show: (props) => <Trying {...props} />,
};
const replay: Tool = {
  id: 'replay',
  title: 'Replay',
  permission: 'policy.replay',
  show: (props) => <PolicyReplay {...props} />,
};
const reaching: Tool = {
  id: 'who',
  title: 'Who may open it',
  permission: 'access.read',
  show: (props) => <Reaching {...props} />,
};

const byKind: Readonly<Partial<Record<Kind, readonly Tool[]>>> = {
  Guardrail: [trying, replay, changes],
  Mask: [trying, replay, changes],
  Access: [changes, trying],
  Resource: [
    {
      id: 'connection',
      title: 'Connection',
      permission: 'objects.write',
      show: (props) => <ConnectionTest {...props} />,
    },
    { id: 'keys', title: 'Host keys', permission: 'objects.write', show: (props) => <HostKeys {...props} /> },
    reaching,
    changes,
  ],
  Detection: [
    { id: 'replay', title: 'Replay', permission: 'detections.test', show: (props) => <DetectionReplay {...props} /> },
    {
      id: 'examples',
      title: 'Examples',
      permission: 'detections.test',
      show: (props) => <DetectionExamples {...props} />,
    },
    changes,
  ],
  Sink: [{ id: 'test', title: 'Test', permission: 'sinks.handle', show: (props) => <SinkTest {...props} /> }, changes],
};

function toolsOf({ draft }: ToolProps): readonly Tool[] {
  const all = byKind[draft.kind] ?? [changes];
  const isSsh = at(draft.value, 'spec', 'protocol') === 'ssh';
  return all.filter(({ id }) => id !== 'keys' || isSsh);
}

export function Tools(props: ToolProps): ReactNode {
  const navigate = useNavigate();
  const { tab } = useSearch({ strict: false });
  const changesMay = useMay('objects.write');
  const testMay = useMay('policy.test');
  const readMay = useMay('access.read');
  const sinksMay = useMay('sinks.handle');
  const may = (permission: string | undefined): boolean => {
    const byPermission: Readonly<Record<string, unknown>> = {
      'objects.write': changesMay,
      'policy.test': testMay,
      'policy.replay': testMay,
      'detections.test': testMay,
      'access.read': readMay,
      'sinks.handle': sinksMay,
    };
    return permission === undefined || byPermission[permission] != null;
  };
  const tools = toolsOf(props).filter(({ permission }) => may(permission));
  const shown = tools.find(({ id }) => id === tab) ?? tools[0];
  if (shown === undefined) return <p className="p-4 text-quiet">There is nothing to try of it.</p>;
  return (
    <div className="flex h-full min-h-0 flex-col bg-ground">
      <div role="tablist" aria-label="Before it is saved" className="flex shrink-0 gap-1 overflow-x-auto border-b px-3">
        {tools.map(({ id, title }) => (
          <button
            key={id}
            type="button"
            role="tab"
            id={`tool-${id}`}
            aria-selected={id === shown.id}
            aria-controls="tool"
            onClick={() => void navigate({ to: '.', search: (before) => ({ ...before, tab: id }), replace: true })}
            className="h-9 shrink-0 border-b-2 border-transparent px-2.5 text-quiet hover:text-ink aria-selected:border-accent aria-selected:font-medium aria-selected:text-ink"
          >
            {title}
          </button>
        ))}
      </div>
      <div
        role="tabpanel"
        id="tool"
        aria-labelledby={`tool-${shown.id}`}
        // biome-ignore lint/a11y/noNoninteractiveTabindex: it scrolls, and must be reached by keys to do so
        tabIndex={0}
        className="min-h-0 flex-1 overflow-auto p-4"
      >
        {shown.show(props)}
      </div>
    </div>
  );
}

function Changes({ draft, mayWrite }: ToolProps): ReactNode {
  const { checked, problems, parsed, kind } = draft;
  const doesReach = mayWrite && changesAccess.includes(kind) && checked.result !== null && checked.of === draft.text;
  const reach = useAsk('tryAccess', { body: { documents: [parsed.value] } }, { enabled: doesReach, keep: true });
  if (problems.length > 0 || checked.result === null) {
    return (
      <p className="text-quiet">
        {problems.length > 0
          ? 'What is wrong stands at its field and at its line. When nothing is, this shows what would change.'
          : 'Checking…'}
      </p>
    );
  }
  return (
    <div className="grid gap-4">
      <ChangeTable of={checked.result.changes} />
      {checked.result.warnings.map((warning) => (
        <p key={warning} className="rounded-md bg-warn-soft px-3 py-2 text-warn">
          <Safe text={warning} />
        </p>
      ))}
      {doesReach ? reach.data === undefined ? <Loading rows={1} /> : <AccessChanges of={reach.data} /> : null}
    </div>
  );
}
