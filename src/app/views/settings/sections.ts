// The sections of the Settings screen, in order.
import type { IconName } from '../../components/icon-names';

export const SECTIONS = [
  'appearance',
  'language',
  'storage',
  'engine',
  'hub',
  'data',
  'plugins',
  'workspace',
  'about',
] as const;
export type SectionName = (typeof SECTIONS)[number];

export const SECTION_ICONS: Record<SectionName, IconName> = {
  appearance: 'sun',
  language: 'globe',
  storage: 'disk',
  engine: 'cpu',
  hub: 'download',
  data: 'data',
  plugins: 'layers',
  workspace: 'save',
  about: 'info',
};

export function sectionOf(name: string | undefined): SectionName {
  return SECTIONS.find((section) => section === name) ?? 'appearance';
}
