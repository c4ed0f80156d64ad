// What an import asks of the outside world. The rows are those of the RPCs import_artist,
// import_songs, import_events and import_setlists: fields that are not known are left out.

/** The ids of one artist in the three sources. */
export interface ArtistIds {
  name?: string;
  spotify_id?: string;
  ticketmaster_id?: string;
  musicbrainz_id?: string;
}

export interface ArtistRow extends ArtistIds {
  name: string;
  genres?: string[];
  image_url?: string;
  small_image_url?: string;
  popularity?: number;
  followers?: number;
  external_urls?: Record<string, string>;
  total_albums?: number;
}

export interface SongRow {
  spotify_id?: string;
  title: string;
  artist?: string;
  album?: string;
  album_art_url?: string;
  release_date?: string;
  duration_ms?: number;
  popularity?: number;
  preview_url?: string;
  is_explicit?: boolean;
  is_playable?: boolean;
  track_number?: number;
  disc_number?: number;
  is_primary_artist?: boolean;
}

export interface VenueRow {
  ticketmaster_id?: string;
  setlistfm_id?: string;
  name: string;
  address?: string;
  city?: string;
  region?: string;
  country?: string;
  postal_code?: string;
  timezone?: string;
  latitude?: number;
  longitude?: number;
}

export interface EventRow {
  ticketmaster_id: string;
  title: string;
  starts_at: string;
  status?: string;
  description?: string;
  age_restrictions?: string;
  ticket_url?: string;
  ticket_available?: boolean;
  min_price?: number;
  max_price?: number;
  currency?: string;
  image_url?: string;
  genres?: string[];
  is_headliner?: boolean;
  venue?: VenueRow;
}

export interface SetlistRow {
  setlistfm_id: string;
  event_date: string;
  venue?: VenueRow;
  songs: { title: string; cover_of?: string }[];
}

/** A part of a list, with the share of the whole that is done. */
export interface Batch<T> {
  rows: T[];
  done: number;
}

/** Who the artist is. */
export interface ArtistSource {
  readonly name: string;
  /** The ids that this source knows of the artist; nothing where it does not know the artist. */
  identify(ids: ArtistIds): Promise<ArtistIds | undefined>;
  /** What it says of the artist. */
  artist?(ids: ArtistIds): Promise<ArtistRow | undefined>;
  songs?(ids: ArtistIds): AsyncIterable<Batch<SongRow>>;
  events?(ids: ArtistIds): AsyncIterable<Batch<EventRow>>;
  setlists?(ids: ArtistIds): AsyncIterable<Batch<SetlistRow>>;
}
