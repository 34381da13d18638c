/** Search and filters. What is typed is asked for when the typing pauses. */
import { useEffect, useRef, useState } from 'preact/hooks';
import type { FilterName, ListFilter } from './list-filter.ts';

const PAUSE_MS = 300;
const FIELDS: readonly { name: Exclude<FilterName, 'state'>; label: string; hint: string }[] = [
  { name: 'q', label: 'Batch', hint: 'id begins with' },
  { name: 'course', label: 'Course', hint: 'exactly' },
  { name: 'owner', label: 'Owner', hint: 'exactly' },
];

export function FilterForm({ filter, onChange }: { filter: ListFilter; onChange: (next: ListFilter) => void }) {
  const latest = useRef(filter);
  latest.current = filter;
  const change = (name: FilterName, value: string) => onChange({ ...latest.current, [name]: value.trim() });
  return (
    <search>
      <form class="filters" onSubmit={(event) => event.preventDefault()}>
        {FIELDS.map(({ name, label, hint }) => (
          <TextField
            key={name}
            name={name}
            label={label}
            hint={hint}
            value={filter[name]}
            onChange={(value) => change(name, value)}
          />
        ))}
        <label>
          <span>State</span>
          <select
            name="state"
            value={filter.state}
            onChange={({ currentTarget }) => change('state', currentTarget.value)}
          >
            <option value="">any</option>
            <option value="announced">announced</option>
            <option value="open">open</option>
            <option value="complete">complete</option>
          </select>
        </label>
      </form>
    </search>
  );
}

interface TextFieldProps {
  readonly name: string;
  readonly label: string;
  readonly hint: string;
  readonly value: string;
  readonly onChange: (value: string) => void;
}

function TextField({ name, label, hint, value, onChange }: TextFieldProps) {
  const [typed, setTyped] = useState(value);
  const timer = useRef<number | undefined>(undefined);
  // Going back, or "show all": the address has the last word.
  useEffect(() => setTyped(value), [value]);
  const type = (text: string) => {
    setTyped(text);
    window.clearTimeout(timer.current);
    timer.current = window.setTimeout(() => onChange(text), PAUSE_MS);
  };
  return (
    <label>
      <span>{label}</span>
      <input
        type="search"
        name={name}
        placeholder={hint}
        value={typed}
        maxLength={200}
        autocomplete="off"
        spellcheck={false}
        onInput={({ currentTarget }) => type(currentTarget.value)}
      />
    </label>
  );
}
