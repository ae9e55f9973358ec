// One table of the page, with its buttons: shows a page of what `/api/{name}` answers.
import { type IframeBridge, callHandlerJson } from '@alga-psa/extension-iframe-sdk';
import type { Page } from '@alga-psa/extension-runtime';

export interface PagedTable {
  /** Shows one page of what matches. */
  show(search: string, page: number): Promise<void>;
  /** Is called when a click of "Back" or "Next" failed. */
  onFailure(listener: (error: unknown) => void): void;
}

export function pagedTable<T>(bridge: IframeBridge, name: string, cells: (item: T) => string[]): PagedTable {
  const section = document.getElementById(name)!;
  const part = <E extends HTMLElement>(selector: string): E => section.querySelector<E>(selector)!;
  const [body, back, next] = [part('tbody'), part<HTMLButtonElement>('.back'), part<HTMLButtonElement>('.next')];
  let [shown, page] = ['', 1];
  let fail = (error: unknown): void => void error;

  function row(item: T): HTMLTableRowElement {
    const created = document.createElement('tr');
    const texts = cells(item);
    texts.forEach((text, index) => {
      const cell = created.insertCell();
      cell.textContent = text;
      cell.className = section.querySelectorAll('th')[index]?.className ?? '';
    });
    return created;
  }

  async function show(search: string, wanted: number): Promise<void> {
    const query = new URLSearchParams({ search, page: String(wanted) });
    const { items, totalCount, pageSize } = await callHandlerJson<Page<T>>(bridge, `/api/${name}?${query}`);
    [shown, page] = [search, wanted];
    body.replaceChildren(...items.map(row));
    const first = (page - 1) * pageSize;
    part('.range').textContent = items.length === 0 ? 'None found.' : `${first + 1} to ${first + items.length} of ${totalCount}`;
    back.disabled = page === 1;
    next.disabled = first + items.length >= totalCount;
  }

  back.addEventListener('click', () => void show(shown, page - 1).catch((error) => fail(error)));
  next.addEventListener('click', () => void show(shown, page + 1).catch((error) => fail(error)));
  return { show, onFailure: (listener) => void (fail = listener) };
}
