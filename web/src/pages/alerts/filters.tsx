/** What the list of alerts is restricted to; each of it stands in the address. */
import { useNavigate } from '@tanstack/react-router';
import { SlidersHorizontal, X } from 'lucide-react';
import { type ReactNode, useEffect, useState } from 'react';
import { useMe } from '../../app/me.tsx';
import type { AlertsSearch } from '../../app/router.tsx';
import { Button, cx, Input, Select } from '../../ui/controls.tsx';
import { severityFilters, states } from './words.ts';

const texts = { principal: 'Who', resource: 'Resource', detection: 'Detection' } as const;
type TextKey = keyof typeof texts;

export function Filters({ search }: { readonly search: AlertsSearch }): ReactNode {
  const navigate = useNavigate();
  const me = useMe();
  const hasText = Object.keys(texts).some((key) => search[key as TextKey] !== undefined);
  const [isOpen, setOpen] = useState(hasText);
  const put = (key: keyof AlertsSearch, value: string | undefined): void => {
    const next: Record<string, string> = { ...(search as Record<string, string>) };
    if (value === undefined || value === '') delete next[key];
    else next[key] = value;
    void navigate({ to: '/alerts', search: next as AlertsSearch });
  };
  const isMine = search.assignee === me.name;
  return (
    <div className="flex flex-wrap items-center gap-2 border-b px-4 py-2 md:px-6">
      <span className="w-36">
        <Select
          aria-label="State"
          value={search.state ?? 'active'}
          onChange={(event) => put('state', event.target.value === 'active' ? undefined : event.target.value)}
        >
          {Object.entries(states).map(([name, title]) => (
            <option key={name} value={name}>
              {title}
            </option>
          ))}
        </Select>
      </span>
      <span className="w-40">
        <Select
          aria-label="Severity"
          value={search.severity ?? ''}
          onChange={(event) => put('severity', event.target.value)}
        >
          <option value="">Any severity</option>
          {Object.entries(severityFilters).map(([name, title]) => (
            <option key={name} value={name}>
              {title}
            </option>
          ))}
        </Select>
      </span>
      <Button
        aria-pressed={isMine}
        className={cx(isMine && 'bg-accent-soft text-accent')}
        onClick={() => put('assignee', isMine ? undefined : me.name)}
      >
        Yours
      </Button>
      {search.assignee !== undefined && !isMine ? (
        <Button icon={<X className="size-3.5" />} onClick={() => put('assignee', undefined)}>
          Assigned to {search.assignee}
        </Button>
      ) : null}
      <Button
        tone="ghost"
        className="xl:hidden"
        aria-expanded={isOpen}
        icon={<SlidersHorizontal className="size-4" />}
        onClick={() => setOpen(!isOpen)}
      >
        More
      </Button>
      <TextFilters search={search} isOpen={isOpen} put={put} />
      {Object.keys(search).length === 0 ? null : (
        <Button tone="ghost" onClick={() => void navigate({ to: '/alerts', search: {} })}>
          Clear
        </Button>
      )}
    </div>
  );
}

function TextFilters({
  search,
  isOpen,
  put,
}: {
  readonly search: AlertsSearch;
  readonly isOpen: boolean;
  readonly put: (key: TextKey, value: string) => void;
}): ReactNode {
  return (
    <div className={cx('flex-wrap gap-2 xl:flex', isOpen ? 'flex' : 'hidden')}>
      {(Object.keys(texts) as TextKey[]).map((key) => (
        <TextFilter key={key} label={texts[key]} value={search[key] ?? ''} onPut={(value) => put(key, value)} />
      ))}
    </div>
  );
}

/** Goes into the address when it is left, or by Enter. */
function TextFilter({
  label,
  value,
  onPut,
}: {
  readonly label: string;
  readonly value: string;
  readonly onPut: (value: string) => void;
}): ReactNode {
  const [text, setText] = useState(value);
  useEffect(() => setText(value), [value]);
  const put = (): void => {
    if (text.trim() !== value) onPut(text.trim());
  };
  return (
    <span className="w-36">
      <Input
        aria-label={label}
        placeholder={label}
        value={text}
        onChange={(event) => setText(event.target.value)}
        onBlur={put}
        onKeyDown={(event) => event.key === 'Enter' && put()}
      />
    </span>
  );
}
