/**
 * Takes or keeps the turn to do something for all instances, until it lapses. Returns a row when it is this holder's.
 * Waits for nobody but the one who is taking it this moment.
 *
 * $1 name text · $2 holder text · $3 milliseconds bigint
 */
export const TAKE_TURN = `
insert into upkeep_turns as t (name, holder, held_until)
values ($1, $2, clock_timestamp() + $3::bigint * interval '1 millisecond')
on conflict (name) do update
set holder = excluded.holder, held_until = excluded.held_until
where t.holder = excluded.holder or t.held_until < clock_timestamp()
returning t.holder
`;
