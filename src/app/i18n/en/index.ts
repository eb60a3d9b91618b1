// English, the language that defines the keys.
import { backends } from './backends';
import { chat } from './chat';
import { common } from './common';
import { data } from './data';
import { errors } from './errors';
import { exports } from './exports';
import { models } from './models';
import { pictures } from './pictures';
import { settings } from './settings';
import { shell } from './shell';
import { tune } from './tune';
import { vectors } from './vectors';
import { welcome } from './welcome';

export const en = {
  common,
  shell,
  chat,
  settings,
  welcome,
  errors,
  tune,
  data,
  models,
  exports,
  backends,
  pictures,
  vectors,
};
export type English = typeof en;
