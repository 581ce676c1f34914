-- Products are found by what a person types: letters of all of Europe's scripts, small or capital, with or without accents. A name of
-- plain letters, as most are, is folded at no cost. The table is HQ's data at a store and is rewritten once, at the upgrade.

drop index from_hq.product_by_words, from_hq.product_by_name, from_hq.variant_by_folded_sku;
alter table from_hq.product drop column search_name;

-- Small letters without accents. `store-server` folds what is asked in the very same way.
create or replace function folded(said text) returns text language sql immutable called on null input parallel safe as $$
    select lower(case when octet_length(said) = length(said) then said else translate(said,
        'ÀÁÂÃÄÅàáâãäåÇçÈÉÊËèéêëÌÍÎÏìíîïÑñÒÓÔÕÖØòóôõöøÙÚÛÜùúûüÝýÿŠšŽžĀāĂăĄąĆćĈĉĊċČčĎďĒēĔĕĖėĘęĚěĜĝĞğĠġĢģĤĥĨĩĪīĬ' ||
        'ĭĮįİĴĵĶķĹĺĻļĽľŃńŅņŇňŌōŎŏŐőŔŕŖŗŘřŚśŜŝŞşŢţŤťŨũŪūŬŭŮůŰűŲųŴŵŶŷŸŹźŻżȘșȚțĐđĦħıŁłŦŧΆΈΉΊΌΎΏΐΑΒΓΔΕΖΗΘΙΚΛΜΝΞΟΠ' ||
        'ΡΣΤΥΦΧΨΩΪΫάέήίΰϊϋόύώςЀЁЂЃЄЅІЇЈЉЊЋЌЍЎЏАБВГДЕЖЗИЙКЛМНОПРСТУФХЦЧШЩЪЫЬЭЮЯёѐѝҐ' ||
        U&'\00A0\0300\0301\0302\0303\0308\030A\030C\0327\0328',
        'aaaaaaaaaaaacceeeeeeeeiiiiiiiinnoooooooooooouuuuuuuuyyysszzaaaaaaccccccccddeeeeeeeeeegggggggghhiiiii' ||
        'iiiijjkkllllllnnnnnnoooooorrrrrrssssssttttuuuuuuuuuuuuwwyyyzzzzssttddhhillttαεηιουωιαβγδεζηθικλμνξοπ' ||
        'ρστυφχψωιυαεηιυιυουωσееђѓєѕіїјљњћќиўџабвгдежзийклмнопрстуфхцчшщъыьэюяееиґ' || ' ') end collate "C")
$$;

-- Trigrams are made of what the database's locale takes for letters, and C knows Latin ones alone: others stand under one of those, several
-- under the same. What is found by them is then compared as it is.
create function latinised(said text) returns text language sql immutable called on null input parallel safe as $$
    select case when octet_length(said) = length(said) then said else translate(said,
        'абвгдежзийклмнопрстуфхцчшщъыьэюяґєіїјљњћђѕџќѓўαβγδεζηθικλμνξοπρστυφχψω',
        'abvgdejziiklmnoprstufxcqwwyyyeuagieijlnhdzgkguabgdezhqiklmnxoprstufcwo') end
$$;

alter table from_hq.product add column search_name text not null generated always as (' ' || folded(name)) stored;
create index product_by_words on from_hq.product using gin ((latinised(search_name)) gin_trgm_ops) where not deleted and not archived;
create index product_by_name on from_hq.product (search_name collate "C", id) where not deleted and not archived;
create index variant_by_folded_sku on from_hq.variant ((folded(sku)) collate "C", id) where not deleted and not archived;
