/** Something that watches while a page is shown: opened for a key, closed when another one or another page comes. */
import { useEffect, useState } from 'preact/hooks';

/** Null until it is open. The page is drawn again whenever it says that something changed. */
export function useOpened<T extends { close(): void }>(
  key: string,
  open: (key: string, onChange: () => void) => T,
): T | null {
  const [opened, setOpened] = useState<T | null>(null);
  const [, setTick] = useState(0);
  useEffect(() => {
    const made = open(key, () => setTick((tick) => tick + 1));
    setOpened(made);
    return () => made.close();
  }, [key]);
  return opened;
}
