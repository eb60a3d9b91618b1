// Settings that are read, checked and told to do nothing here, with the reason: what they are about is always so, or has no place
// in a browser. A form offers none of them.
export const SETTINGS_WITHOUT_EFFECT: Readonly<Record<string, string>> = {
  cache_dir: 'caches lie where their text_embeds backend is',
  cache_dir_vae: 'caches lie in the storage of this page',
  metadata_update_interval: 'a scan is kept when it ends',
  auto_load: 'data is read when a dataset is built',
  vae_cache_clear_each_epoch: 'a picture is cropped once, when it is read',
  vae_cache_ondemand: 'features are made when they are asked for',
  streaming: 'rows are always read piece by piece',
  is_regularisation_data: 'it concerns diffusion models',
};
