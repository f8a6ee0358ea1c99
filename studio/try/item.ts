import { form } from '../../clients/typescript/client.ts';
import type { Head } from '../server.ts';

export type ModalityName = Head['modalities'][number];

/** What a person gave to be classified. */
export interface Item {
  image?: File;
  text: string;
  /** By column, as it was typed; empty where it is missing. */
  table: Record<string, string>;
  /** What is switched off, as if it were not there. */
  off: readonly ModalityName[];
}

export const emptyItem: Item = { text: '', table: {}, off: [] };

/** A column that a head reads. */
export interface Column {
  name: string;
  kind: string;
}

/** The columns that a head reads; none where it reads no table. */
export function columnsOf(head: Head): readonly Column[] {
  return head.encoders.find(({ modality }) => modality === 'table')?.columns ?? [];
}

/** Which modalities of a head an item has, those that are switched off among them. */
export function givenBy(item: Item, head: Head): ModalityName[] {
  const has: Record<ModalityName, boolean> = {
    image: item.image !== undefined,
    text: item.text.trim() !== '',
    table: columnsOf(head).some(({ name }) => (item.table[name] ?? '').trim() !== ''),
  };
  return head.modalities.filter((modality) => has[modality]);
}

/** What is sent of an item: the modalities of the head that are given and not switched off. */
export function usedBy(item: Item, head: Head): ModalityName[] {
  return givenBy(item, head).filter((modality) => !item.off.includes(modality));
}

/** The values of an item's columns, as the API takes them. */
export function tableOf(item: Item, head: Head): Record<string, string | number> {
  const entries = columnsOf(head).flatMap(({ name, kind }): [string, string | number][] => {
    const typed = (item.table[name] ?? '').trim();
    if (typed === '') return [];
    const isNumber = kind !== 'category' && Number.isFinite(Number(typed));
    return [[name, isNumber ? Number(typed) : typed]];
  });
  return Object.fromEntries(entries);
}

interface Fields {
  head: string;
  topK: string;
  explain?: 'true';
  text?: string;
  table?: string;
  image?: File;
}

/** The request that asks a head about an item. */
export function requestOf(item: Item, head: Head, explain: boolean) {
  const used = usedBy(item, head);
  const fields: Fields = {
    head: `${head.name}@${head.version}`,
    topK: '5',
    ...(explain && { explain: 'true' as const }),
    ...(used.includes('text') && { text: item.text }),
    ...(used.includes('table') && { table: JSON.stringify(tableOf(item, head)) }),
    ...(used.includes('image') && item.image && { image: item.image }),
  };
  return form({ ...fields });
}
