import type { ImportProcesses } from '../datasets/import/import-processes.ts';
import type { Encoders } from '../encoders/encoders.ts';
import type { EncoderAdditions } from '../encoders/hub/additions.ts';
import type { PooledEncoders } from '../encoders/pooled-encoder.ts';
import { joinReferences } from '../encoders/reference.ts';
import { checkOfHeads } from '../heads/check.ts';
import { Readiness } from '../heads/readiness.ts';
import { byPretrained } from '../modalities/registry.ts';
import type { Services } from '../protocols/pipeline/services.ts';
import type { Context } from './context.ts';
import { datasetServices } from './dataset-services.ts';
import { datasetsOf } from './datasets.ts';
import { encoderServices } from './encoder-services.ts';
import { encodersOf } from './encoders.ts';
import { HeadFit } from './head-fit.ts';
import { headsOf } from './heads.ts';
import { embedBy, partsOf, predictBy } from './prediction.ts';
import { versionServices } from './version-services.ts';

/**
 * What the routes call. Encoders and the default head are run once, so that the first request waits for nothing.
 * @param options.workspace folder for what is under way
 */
export async function servicesOf(
  context: Context,
  options: { imports: ImportProcesses; additions: EncoderAdditions; workspace: string },
): Promise<Services> {
  const parts = await partsOf(context);
  const [encoders, jobs, logger] = [await context.encoders(), await context.jobs(), await context.logger()];
  const heads = headsOf(context);
  const fit = new HeadFit(async () => (await heads.latest()).heads, encoders, logger);
  return {
    predict: (inputs, chosen) => predictBy(parts, inputs, chosen),
    embed: (items, signal) => embedBy(parts, items, signal),
    encoders: byPretrained(({ name }) => joinReferences(encoders.byModality[name]).id),
    installedEncoders: encoderServices(context, encodersOf(context), options.additions),
    models: async () => modelsOf(encoders),
    head: heads.get,
    heads: heads.latest,
    unfitHeads: () => fit.unfit,
    versions: versionServices(heads),
    datasets: datasetServices(context, datasetsOf(context), options),
    jobs,
    ready: await readinessOf(context),
    provider: encoders.provider.provider,
  };
}

/** Those that are here, behind what the settings name of several. */
async function modelsOf(encoders: Encoders): ReturnType<Services['models']> {
  const together = Object.values(encoders.byModality).filter(({ length }) => length > 1);
  const whole = (await encoders.list()).filter(({ trunkOf }) => !trunkOf);
  const single = whole.map((encoder): PooledEncoders => [encoder]);
  return [...together, ...single].map((parts) => ({
    id: joinReferences(parts).id,
    modality: parts[0].modality,
    dimension: parts.reduce((sum, { dimension }) => sum + dimension, 0),
    isLoaded: parts.every(({ isLoaded }) => isLoaded),
  }));
}

/** Whether predictions are answered; see `Services.ready`. */
async function readinessOf(context: Context): Promise<Services['ready']> {
  const { settings } = context;
  const [{ registry, heads, predictor }, logger] = await Promise.all([partsOf(context), context.logger()]);
  const onHeadFailure = (error: unknown) => logger.error({ err: error }, 'the heads do not answer');
  const headCheck = checkOfHeads(heads, () => registry.open(settings['default-head']).catch(() => undefined));
  await (await context.encoders()).load();
  await Promise.all([
    predictor.sources.check(),
    headCheck.check(AbortSignal.timeout(settings['head-timeout'])).catch(onHeadFailure),
  ]);
  const encoders = new Readiness(predictor.sources, {
    onFailure: (error) => logger.error({ err: error }, 'the encoders do not answer'),
  });
  // A run of a head takes milliseconds, so the last that was answered tells little of this moment.
  const ofHeads = new Readiness(headCheck, { what: 'the heads', freshness: 500, onFailure: onHeadFailure });
  return async () => (await Promise.all([encoders.ready(), ofHeads.ready()])).every(Boolean);
}
