// What features use of this folder: opening what is exported, and its files by format.
export { adapterFile, exportFiles, type WeightFormat } from './export-files';
export { titleOf, type ExportSource } from './export-source';
export { openExportSource, type SourceStores } from './open-source';
export { peftAdapter, storedFiles, type PeftExport } from './peft-adapter';
