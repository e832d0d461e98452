"""The types of all fields that Clari's documents name, table by table.

Declared, so that no type depends on which record comes first. The Revenue API's samples write many numbers in quotes,
so those are declared as what they mean; Copilot's amounts are text by design.
"""

from __future__ import annotations

from extractor.model import ColumnType
from extractor.vendors._columns import columns

# ── Revenue and ingestion ───────────────────────────────────────────────────────────────────

LIMITS = columns(
    text="scope runningJobIds[] submittedJobIds[]",
    bigint="concurrentLimit monthlyQuota availableConcurrentLimit availableMonthlyQuota",
)
EXPORT_JOB = columns(
    text="jobId title module fileName fileType status currency",
    bigint="userId orgId version downloads",
    bool="viewed cellsTruncated rowsTruncated",
    unix_ms="startTime endTime expiredTime",
    # Its keys are receivers of the file.
    json="deliveryStatusMap",
)
# What an export holds depends on what was exported: as columns its fields would be those of all exports together.
EXPORT_JOB_RESULT = columns(text="jobId content")
AUDIT_EVENT = columns(
    text="correlationID actorId impersonatingActorId actorType sessionId ipAddress sessionType event",
    timestamp="eventTimestamp",
    # Free keys, other ones for every event.
    json="eventParameters",
)
AUDIT_ACTOR = columns(text="actorId actorType name email")
ACTIVITY = columns(
    text="""activityId activityType subject activityOwnerId activityOrganiserId accounts[].accountId
        accounts[].accountName accounts[].accountOwnerId opportunities[].opportunityId opportunities[].opportunityName
        opportunities[].opportunityOwnerId participants[].name participants[].email participants[].sfdcUserId""",
    bool="participants[].isInternal",
    unix_ms="date",
)
FORECAST_ENTRY = columns(
    text="forecastId fieldId userId timePeriodId timeFrameId adjustedBy currency.code currency.symbol",
    double="forecastValue quotaValue adjustmentValue aggregationTotal",
    bool="isUpdated",
    unix_ms="adjustedOn",
)
FORECAST_FIELD = columns(text="forecastId fieldId fieldName")
FORECAST_TIME_FRAME = columns(text="forecastId timeFrameId", date="startDate endDate")
FORECAST_TIME_PERIOD = columns(text="forecastId timePeriodId type label year crmId", date="startDate endDate")
FORECAST_USER = columns(
    text="forecastId userId name email scopeId crmId hierarchyId hierarchyName parentHierarchyId parentHierarchyName"
)
OPPORTUNITY = columns(
    # Values are of any kind: an amount, a stage, a day.
    text="""id crmScore.message fields[].id fields[].alias fields[].imageUrl fields[].trend fields[].value
        fields[].originalValue fields[].trendHistory[].oldValue fields[].trendHistory[].newValue""",
    bigint="crmScore.score",
    unix_ms="fields[].trendHistory[].date",
)
INGEST_JOB = columns(
    # `message` is text, and after a failed validation a list of errors.
    text="jobId module title fileName status message",
    bigint="orgId userId",
    unix_ms="submittedTime startTime endTime",
)

# ── Copilot ─────────────────────────────────────────────────────────────────────────────────

CALL = columns(
    text="""id source_id title status type icaluid calendar_id recurring_event_id audio_url video_url disposition
        deal_name deal_value deal_stage_before_call account_name contact_names[] crm_info.source_crm crm_info.deal_id
        crm_info.account_id crm_info.contact_ids[] bot_not_join_reason[] call_review_page_url users[].userId
        users[].userEmail externalParticipants[].name externalParticipants[].email externalParticipants[].phone
        joinedParticipants[].name joinedParticipants[].email joinedParticipants[].phone bookmark_timestamps[]
        metrics.categories[].name metrics.categories[].phrases_matched[].text
        metrics.categories[].phrases_matched[].user_id metrics.categories[].phrases_matched[].name""",
    bigint="""users[].personId externalParticipants[].personId joinedParticipants[].personId
        metrics.num_questions_asked metrics.num_questions_asked_by_reps metrics.call_duration
        metrics.engaging_questions metrics.categories[].occurences""",
    double="""metrics.talk_listen_ratio metrics.total_speak_duration
        metrics.longest_monologue_duration metrics.longest_monologue_start_time
        metrics.categories[].phrases_matched[].time""",
    bool="users[].isOrganizer metrics.categories[].ai_detected",
    timestamp="time original_start_time last_modified_time deal_close_date",
)
CALL_DETAILS: dict[str, ColumnType] = CALL | columns(
    # Places in the summary are text in the vendor's document; as text they are kept whatever comes.
    text="""deal_stage_live transcript[].text transcript[].annotations[].tracker transcript[].annotations[].phrase
        transcript[].annotations[].category transcript[].annotations[].label summary.full_summary
        summary.topics_discussed[].name summary.topics_discussed[].summary summary.key_action_items[].action_item
        summary.key_action_items[].speaker_name competitor_sentiments[].competitor_name
        competitor_sentiments[].sentiment competitor_sentiments[].reasoning competitor_sentiments[].personId
        competitor_sentiments[].turn_start_time summary.topics_discussed[].start_timestamp
        summary.topics_discussed[].end_timestamp summary.key_action_items[].start_timestamp
        summary.key_action_items[].end_timestamp""",
    bigint="transcript[].personId",
    double="transcript[].start transcript[].end",
)
USER = columns(text="id email name role manager_id", bool="is_recording")
TOPIC = columns(text="topic")
TOPIC_V2 = columns(
    text="topic_id topic_name type team_ids[] custom_topic.description custom_topic.status keyword_topic.trackers[]"
)
SCORECARD = columns(
    text="id type rep scorer template_id call_id remark questions_score[].skill questions_score[].label"
    " questions_score[].order",
    bigint="questions_score[].score",
    double="total_score",
)
SCORECARD_TEMPLATE = columns(text="id customer_id name type questions[].skill questions[].label questions[].order")
_CUSTOM = "custom_fields[].key custom_fields[].value"
ACCOUNT = columns(text=f"id crm_id name phones[] description website address city state country zip {_CUSTOM}")
DEAL = columns(
    text=f"""id crm_id owner_crm_id deal_name amount stage probability forecast_category account_crm_id deal_reason
        stage_change_history[].stage stage_change_history[].prev_stage {_CUSTOM}""",
    timestamp="""close_date created_date last_contacted next_call_date stage_change_history[].date_changed
        close_date_change_history[].close_date close_date_change_history[].prev_close_date
        close_date_change_history[].date_changed""",
)
CONTACT = columns(
    text=f"id crm_id account_crm_id first_name last_name job_title phones[] stage reason emails[] {_CUSTOM}",
    bool="is_lead",
)
